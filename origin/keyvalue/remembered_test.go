package keyvalue_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/keyvalue"
)

// moody is an Admission that admits all or nobody, and says so beforehand.
type moody struct{ refuses bool }

func (m *moody) Refuses(origin.Ask) bool              { return m.refuses }
func (m *moody) Admit(origin.Ask) bool                { return !m.refuses }
func (m *moody) Done(origin.Ask, time.Duration, bool) {}

// A read of process memory is one that a viewer got something of: neither a look beforehand, nor a refusal, nor both.
func TestRefusalsAreNoReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := new(origin.Wall)
		rows := newTable(rt)
		store := keyvalue.New(keyvalue.Config{Table: rows, Runtime: rt, Context: context.Background(), Recent: 1})
		mood := new(moody)
		n := origin.NewNode(origin.NodeConfig{Name: "o", Region: "east", Runtime: rt, Store: store, Admission: mood})
		if err := n.AddEvent(liveEvent(rt.Now())); err != nil {
			t.Fatal(err)
		}
		publication := func(number origin.SegmentNumber) {
			time.Sleep(time.Second)
			p := origin.Publication{Key: origin.Key{Event: "live", Rendition: "v", Number: number, Pipeline: "a"}, Object: object(10, 1), Inspected: true}
			if r, err := n.Publish(t.Context(), p); err != nil || r.Outcome != origin.Stored {
				t.Fatal(r, err)
			}
		}
		request := func(number origin.SegmentNumber) origin.Reason {
			req := origin.Request{Event: "live", Rendition: "v", Number: number}
			if resp, ok := n.Refused(req); ok {
				return resp.Reason
			}
			resp, err := n.Get(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			return resp.Reason
		}
		publication(1)
		publication(2) // the only one that is kept
		for _, row := range []struct {
			number  origin.SegmentNumber
			refuses bool
			want    origin.Reason
			recent  int64
		}{
			{2, false, origin.Published, 1}, {2, true, origin.Overloaded, 1}, {2, true, origin.Overloaded, 1}, {2, false, origin.Published, 2},
			{1, true, origin.Overloaded, 2}, {1, false, origin.Published, 2},
		} {
			mood.refuses = row.refuses
			if got := request(row.number); got != row.want {
				t.Errorf("%+v: %s", row, got)
			}
			if s := store.Stats(); s.Recent != row.recent || s.Gets != s.Recent+s.TableReads {
				t.Errorf("%+v: %d reads of memory, of %d", row, s.Recent, s.Gets)
			}
		}
		// One that is refused after all: what Get asks for is what Refused did not.
		mood.refuses = true
		if resp, err := n.Get(t.Context(), origin.Request{Event: "live", Rendition: "v", Number: 2}); err != nil || resp.Reason != origin.Overloaded || store.Stats().Recent != 2 {
			t.Errorf("%s, %v, %d reads of memory", resp.Reason, err, store.Stats().Recent)
		}
		rt.Join()
	})
}
