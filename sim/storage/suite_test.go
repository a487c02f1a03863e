package storage

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/origintest"
)

// The tables and caches of rows pass the suite that the real ones pass, on both clocks, with bodies and without.
func TestSuite(t *testing.T) {
	subjects := map[string]origintest.Subject{
		"table": {Rows: true, New: func(_ *testing.T, rt origin.Runtime) origin.Store {
			return NewTable(suiteTable(rt))
		}},
		"table behind gates": {Rows: true, New: func(_ *testing.T, rt origin.Runtime) origin.Store {
			c := suiteTable(rt)
			c.Gate = func(_ string, s origin.Store) origin.Store { return &gate{Store: s, rt: rt} }
			return NewTable(c)
		}},
		"cache node": {Rows: true, Cache: true, New: func(_ *testing.T, rt origin.Runtime) origin.Store {
			return NewCacheNode(CacheNodeConfig{Name: "1", Region: "east", Runtime: rt, Profile: memcached})
		}},
	}
	for name, s := range subjects {
		s.MaxBody = 1 << 20
		t.Run(name+" on the loop", func(t *testing.T) {
			s.Clock, s.Bodiless = inVirtualTime, true
			origintest.Run(t, s)
		})
		t.Run(name+" on the wall clock", func(t *testing.T) {
			s.Clock, s.Bodiless = inBubble, false
			origintest.Run(t, s)
		})
	}
}

// suiteTable is a table of three zones.
func suiteTable(rt origin.Runtime) TableConfig {
	return TableConfig{Region: "east", Zones: []string{"1", "2", "3"}, Runtime: rt, Context: context.Background(), Start: rt.Now(),
		Recorder: origin.Discard, Replica: embedded}
}

func inVirtualTime(t *testing.T, test func(t *testing.T, rt origin.Runtime)) {
	onLoop(t, func(w *world) { test(w.T, w.rt) })
}

func inBubble(t *testing.T, test func(t *testing.T, rt origin.Runtime)) {
	synctest.Test(t, func(t *testing.T) {
		rt := new(origin.Wall)
		test(t, rt)
		rt.Join()
	})
}
