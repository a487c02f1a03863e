package originhttp

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/liveorigin/liveorigin/origin"
)

// discard is a ResponseWriter that costs nothing itself.
type discard struct {
	header http.Header
	n      int64
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(b []byte) (int, error) { d.n += int64(len(b)); return len(b), nil }

func benchmarkDelivery(b *testing.B, resp origin.Response, fields ...string) {
	h := deliver(resp)
	r := httptest.NewRequest("GET", "/final/v1080/1017.m4s", nil)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	w := &discard{header: make(http.Header, 16)}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		h.ServeHTTP(w, r)
	}
	b.SetBytes(w.n / int64(b.N))
}

// BenchmarkDelivery is the adapter's own cost of a hit, without net/http's.
func BenchmarkDelivery(b *testing.B) {
	hit := published(string(make([]byte, 512<<10)))
	hit.Cache, hit.Hold = origin.CacheStatus{}, 0
	b.Run("origin", func(b *testing.B) { benchmarkDelivery(b, hit) })
	cached := hit
	cached.Cache = origin.CacheStatus{Cache: "edge-1", Hit: true, TTL: 4e9}
	b.Run("edge", func(b *testing.B) { benchmarkDelivery(b, cached) })
	b.Run("range", func(b *testing.B) { benchmarkDelivery(b, hit, "Range", "bytes=0-65535") })
	b.Run("early", func(b *testing.B) { benchmarkDelivery(b, origin.Response{Reason: origin.Early, MaxAge: 1e9}) })
}

// BenchmarkGet is a whole hit of 512 KiB over loopback, server and client together.
func BenchmarkGet(b *testing.B) {
	c := client(b, deliver(published(string(make([]byte, 512<<10)))), ForDelivery, ClientOptions{})
	b.SetBytes(512 << 10)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Get(b.Context(), segment1017); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPublish is a whole publication of 512 KiB over loopback, server and client together, to no store.
func BenchmarkPublish(b *testing.B) {
	c := client(b, Publishing(publisher(func(context.Context, origin.Publication) (origin.Receipt, error) {
		return origin.Receipt{Outcome: origin.Stored}, nil
	}), catalog, fixed(epoch), PublishingOptions{}), ForPublishing, ClientOptions{})
	body := bytes.Repeat([]byte{1}, 512<<10)
	p := origin.Publication{
		Key:    origin.Key{Event: "final", Rendition: "v1080", Number: 1017, Pipeline: "a"},
		Object: origin.Object{Body: body, Size: len(body), Digest: origin.Checksum(body)}, Inspected: true,
	}
	b.SetBytes(512 << 10)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Publish(b.Context(), p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPlaylist(b *testing.B) {
	ev := testEvent()
	for b.Loop() {
		if _, err := MediaPlaylist(ev, "v1080", epoch.Add(1e12)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMPD(b *testing.B) {
	ev := testEvent()
	for b.Loop() {
		if _, err := MPD(ev, epoch); err != nil {
			b.Fatal(err)
		}
	}
}
