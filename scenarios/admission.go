package scenarios

import (
	"strconv"
	"time"

	"github.com/liveorigin/liveorigin/origin/admission"
)

// The policies by which origin nodes admit requests; what is behind each stands in origin/admission/policies. The first is
// the default.
var admissionPolicies = []string{Everyone, "priority", AdaptivePolicy}

// The policies that are unlike the others.
const (
	Everyone       = "none"
	AdaptivePolicy = "adaptive" // reads the wall clock by itself
)

func (f *form) admissionKeys() keys {
	a := &f.Admission
	return keys{
		{name: "policy", otherwise: Everyone,
			about: "who is refused while there is too much to do: none; priority, the least important class first; adaptive, by " +
				"failsafe-go's adaptive limiter, on the wall clock only",
			is: choice(&a.Policy, "admission policy", admissionPolicies)},
		{name: "slow", otherwise: short(admission.DefaultSlow), about: "a read of the store that takes longer is slow; policy priority",
			is: duration(&a.Slow, time.Millisecond, time.Minute)},
		{name: "share", otherwise: strconv.Itoa(admission.DefaultSlowPercent) + "%",
			about: "the part of the reads that may be slow before requests are refused; policy priority",
			is:    share(&a.SlowShare)},
		{name: "reads", otherwise: strconv.Itoa(admission.DefaultReads), about: "the most reads of the store at once, by one node",
			is: count(&a.Reads, 1, 100_000)},
		{name: "egress", about: "the most that one node sends; without a limit by default; policy priority",
			is: bandwidth(&a.Egress, 1000, 1_000_000_000_000_000)},
	}
}

// checkAdmission wants no key that the policy does not look at.
func (f *form) checkAdmission(r *reader) {
	if path := "admission.share"; r.sound(path) && f.Admission.SlowShare < 0.01 {
		r.problem(path, "a share of less than 1%% would be stress for ever; give more")
	}
	if !r.sound("admission.policy") {
		return
	}
	for _, key := range []string{"slow", "share", "reads", "egress"} {
		path := join("admission", key)
		unread := f.Admission.Policy == Everyone || f.Admission.Policy == AdaptivePolicy && key != "reads"
		if unread && r.given(path) {
			r.problemOfKey(path, "admission policy %s has no use for %s; take it out, or give policy: priority", f.Admission.Policy, key)
		}
	}
}

// VirtualTime says why the scenario cannot be replayed, as *Problems; nil when it can.
func (s *Scenario) VirtualTime() error {
	r := s.reader.again()
	if path := "admission.policy"; s.Admission.Policy == AdaptivePolicy {
		r.add(r.place(path).value, path, "policy %s reads the wall clock by itself, so it cannot be replayed; use `liveorigin run`, "+
			"or policy priority", AdaptivePolicy)
	}
	return r.Err()
}

func (f *form) machineKeys() keys {
	return keys{
		{name: "profile", otherwise: machineProfiles[0], about: "one of those that this release has figures for",
			is: choice(&f.Machines.Profile, "profile of machines", machineProfiles)},
		{name: "shared", otherwise: "false",
			about: "publishing and delivery share a node's processors and network card; each has its own by default",
			is:    boolean(&f.Machines.Shared)},
	}
}

// checkMachines wants machines on which something can be shared.
func (f *form) checkMachines(r *reader) {
	if f.Machines.Shared && f.Machines.Profile == Unlimited && r.sound("machines.profile") {
		r.problemOfKey("machines.shared", "on machines of profile %s nothing queues, so there is nothing to share; give profile: %s",
			Unlimited, machineProfiles[1])
	}
}
