package metrics_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Each answer of an edge is counted by how the edge came by it, and what an origin held is not the edge's delay.
func TestWhatAnEdgeCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		answered := w.WatchEdge()
		object := origin.Object{Size: 1000}
		for i, r := range []origin.Response{
			{Reason: origin.Early, Cache: origin.CacheStatus{Cache: "e", Hit: true, Detail: "config"}},
			{Reason: origin.Published, Object: object, Cache: origin.CacheStatus{Cache: "e", Hit: true}},
			{Reason: origin.Published, Object: object, Hold: time.Second, Cache: origin.CacheStatus{Cache: "e", Forward: "uri-miss", Collapsed: true}},
			{Reason: origin.Published, Object: object, Hold: time.Second, Cache: origin.CacheStatus{Cache: "e", Forward: "uri-miss"}},
			{Reason: origin.NoOrigin, Cache: origin.CacheStatus{Cache: "e", Forward: "uri-miss"}},
		} {
			for range i + 1 {
				answered(&r, 3*time.Second)
			}
		}
		for i, result := range []string{"own", "hit", "collapsed", "miss", "no-origin"} {
			n := float64(i + 1)
			w.want(`liveorigin_edge_requests_total{result="`+result+`"}`, n)
			bytes, seconds := 1000*n, 3*n
			switch result {
			case "own", "no-origin":
				bytes = 0
			case "collapsed", "miss":
				seconds = 2 * n
			}
			w.want(`liveorigin_edge_sent_bytes_total{result="`+result+`"}`, bytes)
			w.want(`liveorigin_edge_request_duration_seconds_sum{result="`+result+`"}`, seconds)
		}
	})
}
