# What a 64-bit kernel does in its first milliseconds, in groups.
#
# The code runs at its own load address in long mode on an identity-mapped page,
# with a stack, a GDT and an IDT that the host prepared. After each group it
# writes the group's number to port 0xf4, so that the last number seen names the
# first group that failed. It reads and writes only its own page.
#
# rdi: 64-byte aligned scratch area of 8 KiB, zeroed.

    .pushsection .rodata
    .balign 16
    .globl proscenium_probe_start
    .globl proscenium_probe_breakpoint
    .globl proscenium_probe_end
proscenium_probe_start:
    # Group 1: long mode, stack, segment registers.
    push rdi
    pop rsi
    xor ecx, ecx
    mov ecx, 0xc0000080
    rdmsr
    test eax, 0x400
    jz 9f
    mov al, 1
    out 0xf4, al

    # Group 2: locked read-modify-write, as in spin locks and per-CPU lists.
    mov dword ptr [rsi], 7
    mov eax, 7
    mov ecx, 9
    lock cmpxchg dword ptr [rsi], ecx
    jnz 9f
    mov ecx, 1
    lock xadd dword ptr [rsi], ecx
    cmp ecx, 9
    jne 9f
    mov al, 2
    out 0xf4, al

    # Group 3: the sixteen-byte exchange of the slab allocator.
    mov qword ptr [rsi + 16], 3
    mov qword ptr [rsi + 24], 4
    mov eax, 3
    mov edx, 4
    mov ebx, 5
    mov ecx, 6
    lock cmpxchg16b xmmword ptr [rsi + 16]
    jnz 9f
    cmp qword ptr [rsi + 16], 5
    jne 9f
    cmp qword ptr [rsi + 24], 6
    jne 9f
    mov al, 3
    out 0xf4, al

    # Group 4: floating-point state, as at each context switch.
    xor ecx, ecx
    xor edx, edx
    mov eax, 3
    xsetbv
    mov eax, 0x5a
    movq xmm1, rax
    mov eax, 3
    xor edx, edx
    xsave64 [rsi + 4096]
    pxor xmm1, xmm1
    mov eax, 3
    xor edx, edx
    xrstor64 [rsi + 4096]
    movq rax, xmm1
    cmp rax, 0x5a
    jne 9f
    mov al, 4
    out 0xf4, al

    # Group 5: a breakpoint through the IDT and back, as in patched kernel text.
    xor ebx, ebx
    int3
    cmp ebx, 0x1234
    jne 9f
    mov al, 5
    out 0xf4, al

    # Group 6: per-CPU base, page-table switch and TLB flush.
    mov ecx, 0xc0000101
    mov eax, esi
    xor edx, edx
    wrmsr
    mov eax, dword ptr gs:[16]
    cmp eax, 5
    jne 9f
    swapgs
    mov rax, cr3
    mov cr3, rax
    invlpg [rsi]
    mov al, 6
    out 0xf4, al
    hlt

9:  # A group computed something wrong.
    mov al, 0xff
    out 0xf4, al
    hlt

proscenium_probe_breakpoint:
    mov ebx, 0x1234
    iretq
proscenium_probe_end:
    .popsection
