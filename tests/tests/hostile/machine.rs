//! What a machine may lack, through `run`: each is said before anything boots.
//! No kernel at all and no QEMU are in the CLI's own tests.

use proscenium::kernel::config::REQUIRED;

use crate::cli::Place;
use crate::fixture::Core;

#[test]
fn files_that_are_no_kernels_are_refused() {
    let place = Place::new();
    let plugin = place.file("fixture.wasm", Core::default().component());
    let elf = [&b"\x7fELF\x02\x01\x01"[..], &[0; 4_096]].concat();
    let mut setup = vec![0; 4_096];
    // The signatures of a boot sector and of the Linux boot protocol, and no more.
    setup[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
    setup[0x202..0x206].copy_from_slice(b"HdrS");
    for (name, content) in [
        ("empty", vec![]),
        ("text", b"no kernel".to_vec()),
        ("zeros", vec![0; 1 << 20]),
        ("elf", elf),
        ("setup", setup),
    ] {
        let kernel = place.file(name, content);
        let said = place.run(&["run", &plugin, "--kernel", &kernel]);
        assert_eq!(said.code, 3, "{name}: {said:?}");
        assert!(said.out.contains(&kernel), "{name}: {}", said.out);
    }
}

#[test]
fn a_kernel_without_what_is_needed_is_refused_and_each_option_is_named() {
    let place = Place::new();
    let plugin = place.file("fixture.wasm", Core::default().component());
    let mut header = vec![0; 4_096];
    header[0x202..0x206].copy_from_slice(b"HdrS");
    header[0x206..0x208].copy_from_slice(&[0x0f, 0x02]);
    let kernel = place.file("vmlinuz-6.6.1", header);
    // All that is needed, but a controller as a module and no ports at all.
    let mut config: String = REQUIRED
        .iter()
        .map(|(option, _)| format!("CONFIG_{option}=y\n"))
        .collect();
    config = config.replace("CONFIG_CPUSETS=y", "CONFIG_CPUSETS=m");
    place.file("config-6.6.1", config + "CONFIG_VIRTIO_PCI=y\n");
    let said = place.run(&["run", &plugin, "--kernel", &kernel]);
    assert_eq!(said.code, 3, "{said:?}");
    for option in ["CONFIG_CPUSETS", "CONFIG_VIRTIO_CONSOLE"] {
        assert!(said.out.contains(option), "{option}: {}", said.out);
    }
    assert_eq!(said.out.matches("CONFIG_").count(), 2, "{}", said.out);
}

#[test]
fn topologies_that_no_machine_has_are_refused() {
    let place = Place::new();
    let plugin = place.file("fixture.wasm", Core::default().component());
    for topology in [
        "0n0l0c0t",
        "1n1l1c0t",
        "2n1l1c1t",
        "4294967295n4294967295l4294967295c2t",
        "99999999999999999999n1l1c1t",
        "1n1l1c1t1x",
        "-1n1l1c1t",
        "1N1L1C1T",
        "",
    ] {
        for command in ["check", "run"] {
            let option = format!("--topology={topology}");
            let said = place.run(&[command, &plugin, &option]);
            assert_eq!(said.code, 3, "{command} {topology}: {said:?}");
            assert!(said.err.contains("--topology"), "{topology}: {}", said.err);
        }
    }
}
