// Package policies is the table of admission policies by name: ours, and what it is compared with.
package policies

import (
	"fmt"
	"slices"
	"strings"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/admission"
)

// The policies' names.
const (
	None     = "none"     // everyone is admitted
	Priority = "priority" // admission.Priority
	Adaptive = "adaptive" // Limiter, which lives by the wall clock only
)

// policies is the table. A policy takes of the Config what it has a use for.
var policies = []struct {
	name string
	make func(origin.Clock, admission.Config) origin.Admission
}{
	{None, func(origin.Clock, admission.Config) origin.Admission { return origin.Everyone }},
	{Priority, func(clock origin.Clock, c admission.Config) origin.Admission { return admission.NewPriority(clock, c) }},
	{Adaptive, func(clock origin.Clock, c admission.Config) origin.Admission { return NewLimiter(clock, c.Reads) }},
}

// Names lists the policies; the first is what there is when nothing is said.
func Names() (names []string) {
	for _, p := range policies {
		names = append(names, p.name)
	}
	return names
}

// New makes a policy for one node; no name is None.
func New(name string, clock origin.Clock, c admission.Config) (origin.Admission, error) {
	if name == "" {
		name = None
	}
	for _, p := range policies {
		if p.name == name {
			return p.make(clock, c), nil
		}
	}
	return nil, fmt.Errorf("unknown admission policy %q; there is %s", name, strings.Join(slices.Sorted(slices.Values(Names())), ", "))
}
