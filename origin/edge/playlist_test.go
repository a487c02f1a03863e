package edge

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// A playlist is fetched once a lifetime, by rendition, whatever it says; there is none of what is not there.
func TestPlaylistIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := published("list", time.Second)
		list.resp.Newest = 3
		up := &upstream{answers: []answer{list}}
		w := newWorld(up)
		w.until(5 * time.Second)
		read := func(rendition string) origin.Response {
			r, err := w.Get(context.Background(), origin.Request{Event: "demo", Rendition: rendition, Number: origin.Playlist})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		for i, wait := range []time.Duration{0, 999 * time.Millisecond, time.Millisecond} {
			_ = w.rt.Sleep(context.Background(), wait)
			r := read("v")
			if want := []int{1, 1, 2}[i]; r.Newest != 3 || up.calls != want || r.Cache.Hit != (i == 1) {
				t.Errorf("read %d: newest %d, hit %v, fetched %d times; want 3, %v, %d", i, r.Newest, r.Cache.Hit, up.calls, i == 1, want)
			}
		}
		if r := read("w"); r.Reason != origin.UnknownRendition || up.calls != 2 {
			t.Errorf("of no rendition: %s", r.Reason)
		}
	})
}
