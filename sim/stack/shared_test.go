package stack

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/admission"
)

var sharedNetwork = strings.Replace(network, "machines: {profile: cloud}", "machines: {profile: cloud, shared: true}", 1)

// What a node delivers takes of the bandwidth that it is published with where machines are shared, and nothing where each
// side has its own; the node beside it has its own anyway.
func TestSharedMachines(t *testing.T) {
	for src, crowded := range map[string]bool{network: false, sharedNetwork: true} {
		_, v, l, _ := virtualWorld(t, src)
		one, other := Part{Tier: Origin, Region: "east", Name: "one"}, Part{Tier: Origin, Region: "east", Name: "other"}
		deliver, publish := v.endpoint(one, Delivery), v.endpoint(one, Publishing)
		beside := v.endpoint(other, Publishing)
		took := func(e *endpoint, bytes int) *time.Duration {
			d := new(time.Duration)
			l.Go(func() {
				began := l.Now()
				if err := e.send(context.Background(), bytes); err != nil {
					t.Error(err)
				}
				*d = l.Now().Sub(began)
			})
			return d
		}
		took(deliver, 1_250_000_000) // a second of 10 Gb/s
		put, neighbour := took(publish, 1_250_000), took(beside, 1_250_000)
		if err := l.Run(l.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if *neighbour > 2*time.Millisecond || (*put > 1500*time.Microsecond) != crowded {
			t.Errorf("shared %v: a PUT takes %v of the card, on another node %v", crowded, *put, *neighbour)
		}
		if err := v.Check(); err != nil {
			t.Error(err)
		}
	}
}

// The processors' work is counted once, whoever has them.
func TestSharedMachinesWorkOnce(t *testing.T) {
	worked := map[string]time.Duration{}
	for _, src := range []string{network, sharedNetwork} {
		s, v, l, _ := virtualWorld(t, src)
		s.Publish()
		askAll(s, l)
		if err := l.Run(s.Event.End.Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if err := v.Check(); err != nil {
			t.Error(err)
		}
		for _, c := range v.Carried() {
			worked[src] += c.CPU
		}
	}
	if own, shared := worked[network], worked[sharedNetwork]; own == 0 || shared < own*9/10 || shared > own*11/10 {
		t.Errorf("processors worked %v where each side has its own, %v where they are shared", own, shared)
	}
}

// Every node has the policy that the scenario asks for, for itself.
func TestAdmissionOfNodes(t *testing.T) {
	s, _, _, _ := virtualWorld(t, network+"admission: {policy: priority}\n")
	seen := map[origin.Admission]bool{}
	for _, r := range s.regions { // any order: into a set
		for _, n := range r.nodes {
			if _, ok := n.Admission.(*admission.Priority); !ok {
				t.Errorf("%s has %T", n.Name, n.Admission)
			}
			seen[n.Admission] = true
		}
	}
	if len(seen) != 6 {
		t.Errorf("six nodes have %d policies", len(seen))
	}
	s, _, _, _ = virtualWorld(t, network)
	if got := s.regions["east"].nodes[0].Admission; got != origin.Everyone {
		t.Errorf("%T, where nothing is said", got)
	}
}
