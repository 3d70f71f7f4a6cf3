// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The kernel's half of the fixture: a fair scheduler in one queue.
 *
 * Every task waits in one queue that is ordered by the CPU time it has had,
 * divided by its weight; a CPU that has nothing to do takes the first. Owns
 * the policy and the ways to break it that the other half can ask for. Never
 * breaks anything unasked.
 */
#define BPF_NO_KFUNC_PROTOTYPES
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* The kernel wants a licence that is compatible with its own. */
char LICENSE[] SEC("license") = "Dual MIT/GPL";

s32 scx_bpf_create_dsq(u64 dsq_id, s32 node) __ksym;
s32 scx_bpf_select_cpu_dfl(struct task_struct *p, s32 prev_cpu, u64 wake_flags, bool *is_idle) __ksym;
void scx_bpf_dsq_insert(struct task_struct *p, u64 dsq_id, u64 slice, u64 enq_flags) __ksym;
bool __scx_bpf_dsq_insert_vtime(struct task_struct *p, struct scx_bpf_dsq_insert_vtime_args *args) __ksym;
bool scx_bpf_dsq_move_to_local(u64 dsq_id) __ksym;
bool scx_bpf_task_set_dsq_vtime(struct task_struct *p, u64 vtime) __ksym;
void scx_bpf_error_bstr(char *fmt, unsigned long long *data, u32 data__sz) __ksym;
u64 scx_bpf_now(void) __ksym;

/* The queue of all tasks, and one that no CPU ever looks into. */
enum { EVERYBODY = 0, NOBODY = 1 };

/* How long a task may run before another one is looked for. */
#define SLICE_NS (5 * 1000 * 1000ULL)
/* include/linux/sched.h: a macro, which a kernel's types do not have. */
#define PF_KTHREAD 0x00200000
/* The weight of a task of nice 0, in a cgroup of its own or not. */
#define WEIGHT 100
#define MESSAGE 128

/* Set before loading. The verifier looks only at what can be reached, so with
 * `refused` unset the program that it would refuse is not there. */
const volatile bool refused;

/* Set at any time: a thread that is never let run, and whether to give up. */
volatile s32 stalled;
volatile bool failed;

/* Not constant: the kernel takes no text that could not be written to. */
static char complaint[] = "fixture: told to fail";

/* What tells whose map a pinned one is. */
struct mark {
	u64 token;
	u64 enqueued;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct mark);
} proscenium_mark SEC(".maps");

/* When the task that runs on a CPU began to. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} began SEC(".maps");

/* How it ended, for the other half. */
struct ending {
	u64 kind;
	s64 code;
	char reason[MESSAGE];
	char message[MESSAGE];
};

struct ending ending;

/* Rings when it has ended: what memory alone does not tell. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} bell SEC(".maps");

/* The CPU time per weight that the task which is furthest back has had. */
static u64 now_served;

static bool is_before(u64 a, u64 b)
{
	return (s64)(a - b) < 0;
}

SEC("struct_ops/fixture_select_cpu")
s32 BPF_PROG(fixture_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	bool is_idle = false;
	s32 cpu = scx_bpf_select_cpu_dfl(p, prev_cpu, wake_flags, &is_idle);

	if (is_idle && p->pid != stalled)
		scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL, SLICE_NS, 0);
	return cpu;
}

SEC("struct_ops/fixture_enqueue")
void BPF_PROG(fixture_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct scx_bpf_dsq_insert_vtime_args args = {
		.dsq_id = EVERYBODY,
		.slice = SLICE_NS,
		.vtime = p->scx.dsq_vtime,
		.enq_flags = enq_flags,
	};
	u32 zero = 0;
	struct mark *mark = bpf_map_lookup_elem(&proscenium_mark, &zero);

	if (mark) {
		__sync_fetch_and_add(&mark->enqueued, 1);
		if (refused)
			args.vtime = *(volatile u64 *)(mark + 1);
	}
	if (p->pid == stalled) {
		scx_bpf_dsq_insert(p, NOBODY, SLICE_NS, enq_flags);
		return;
	}
	/* A CPU's own kernel threads cannot wait behind others' load. */
	if ((p->flags & PF_KTHREAD) && p->nr_cpus_allowed == 1) {
		scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL, SLICE_NS, enq_flags);
		return;
	}
	/* Who slept is owed one slice and no more. */
	if (is_before(args.vtime, now_served - SLICE_NS))
		args.vtime = now_served - SLICE_NS;
	__scx_bpf_dsq_insert_vtime(p, &args);
}

SEC("struct_ops/fixture_dispatch")
void BPF_PROG(fixture_dispatch, s32 cpu, struct task_struct *prev)
{
	if (failed) {
		unsigned long long none = 0;

		scx_bpf_error_bstr(complaint, &none, 0);
	}
	scx_bpf_dsq_move_to_local(EVERYBODY);
}

SEC("struct_ops/fixture_running")
void BPF_PROG(fixture_running, struct task_struct *p)
{
	u32 zero = 0;
	u64 *since = bpf_map_lookup_elem(&began, &zero);

	if (since)
		*since = scx_bpf_now();
	if (is_before(now_served, p->scx.dsq_vtime))
		now_served = p->scx.dsq_vtime;
}

SEC("struct_ops/fixture_stopping")
void BPF_PROG(fixture_stopping, struct task_struct *p, bool runnable)
{
	u32 zero = 0, weight = p->scx.weight;
	u64 *since = bpf_map_lookup_elem(&began, &zero);

	if (since && weight)
		scx_bpf_task_set_dsq_vtime(p, p->scx.dsq_vtime +
					      (scx_bpf_now() - *since) * WEIGHT / weight);
}

SEC("struct_ops/fixture_enable")
void BPF_PROG(fixture_enable, struct task_struct *p)
{
	scx_bpf_task_set_dsq_vtime(p, now_served);
}

SEC("struct_ops.s/fixture_init")
s32 BPF_PROG(fixture_init)
{
	s32 error = scx_bpf_create_dsq(EVERYBODY, -1);

	return error ? error : scx_bpf_create_dsq(NOBODY, -1);
}

SEC("struct_ops/fixture_exit")
void BPF_PROG(fixture_exit, struct scx_exit_info *info)
{
	u64 ring = 1;

	ending.kind = info->kind;
	ending.code = info->exit_code;
	bpf_probe_read_kernel_str(ending.reason, sizeof(ending.reason), info->reason);
	bpf_probe_read_kernel_str(ending.message, sizeof(ending.message), info->msg);
	bpf_ringbuf_output(&bell, &ring, sizeof(ring), 0);
}

/* Its name and its watchdog are set before loading. */
SEC(".struct_ops.link")
struct sched_ext_ops fixture = {
	.select_cpu = (void *)fixture_select_cpu,
	.enqueue = (void *)fixture_enqueue,
	.dispatch = (void *)fixture_dispatch,
	.running = (void *)fixture_running,
	.stopping = (void *)fixture_stopping,
	.enable = (void *)fixture_enable,
	.init = (void *)fixture_init,
	.exit = (void *)fixture_exit,
	.name = "fixture",
};
