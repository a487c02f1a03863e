package scenarios

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin/admission/policies"
)

func TestAdmission(t *testing.T) {
	if !slices.Equal(admissionPolicies, policies.Names()) {
		t.Errorf("scenarios have policies %v, and there are %v", admissionPolicies, policies.Names())
	}
	for _, tt := range []struct {
		given string
		want  Admission
		says  string // why it cannot be replayed
	}{
		{"{}", Admission{Policy: "none", Slow: 100 * time.Millisecond, SlowShare: 0.4, Reads: 256}, ""},
		{"{policy: priority, slow: 50ms, share: 30%, reads: 9, egress: 10Gbps}",
			Admission{Policy: "priority", Slow: 50 * time.Millisecond, SlowShare: 0.3, Reads: 9, Egress: 10e9}, ""},
		{"{policy: adaptive, reads: 9}", Admission{Policy: "adaptive", Slow: 100 * time.Millisecond, SlowShare: 0.4, Reads: 9},
			"policy adaptive reads the wall clock by itself"},
	} {
		s, err := Parse("x.yaml", []byte(good+"admission: "+tt.given+"\n"))
		if err != nil {
			t.Errorf("%s: %v", tt.given, err)
			continue
		}
		if s.Admission != tt.want {
			t.Errorf("%s: got %+v, want %+v", tt.given, s.Admission, tt.want)
		}
		if err := s.VirtualTime(); (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s in virtual time: %v", tt.given, err)
		}
	}
}
