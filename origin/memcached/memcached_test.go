package memcached

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
	"go.uber.org/goleak"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/origintest"
	"github.com/liveorigin/liveorigin/origin/servertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var row = origin.Key{Event: "final", Rendition: "v1080", Pipeline: "a", Number: 42, Part: 1}

func open(t testing.TB, c Config) *Node {
	t.Helper()
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second // a busy machine's
	}
	n, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

func object(size int) origin.Object {
	o := origin.Object{Body: bytes.Repeat([]byte("liveorigin "), size/11+1)[:size], Size: size}
	o.Digest = crc32.Checksum(o.Body, crc32.MakeTable(crc32.Castagnoli))
	return o
}

func TestStore(t *testing.T) {
	for name, address := range map[string]string{"memcached": node(t), "double": double(t, nil)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			origintest.Run(t, origintest.Subject{Rows: true, Cache: true, Expires: name == "memcached", MaxBody: DefaultItemLimit - overhead,
				Event: fmt.Sprint(time.Now().UnixNano()),
				New:   func(t *testing.T, _ origin.Runtime) origin.Store { return open(t, Config{Address: address}) },
				Again: func(t *testing.T, _ origin.Store) origin.Store { return open(t, Config{Address: address}) },
			})
		})
	}
}

// A row that just fits is taken by the node too, and one that does not is refused without a call.
func TestItemLimit(t *testing.T) {
	n := open(t, Config{Address: node(t)})
	fits := object(DefaultItemLimit - overhead)
	if err := n.Put(t.Context(), row, fits); err != nil {
		t.Fatal(err)
	}
	if o, err := n.Get(t.Context(), row, fits.Digest); err != nil || !bytes.Equal(o.Body, fits.Body) {
		t.Errorf("the largest row: %d bytes, %v", o.Size, err)
	}
	nobody := open(t, Config{Address: servertest.Free(t)})
	if err := nobody.Put(t.Context(), row, object(fits.Size+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one byte more: %v", err)
	}
}

// Whatever is under a key, only that key's row with that digest is taken for it.
func TestForeignItems(t *testing.T) {
	address := node(t)
	n, o := open(t, Config{Address: address}), object(100)
	library := memcache.New(address)
	defer library.Close()
	if err := n.Put(t.Context(), row, o); err != nil {
		t.Fatal(err)
	}
	item, err := library.Get(identify(row).key())
	if err != nil {
		t.Fatalf("the library does not find what we put: %v", err)
	}
	other := row
	other.Part++
	items := map[string][]byte{
		"empty": {}, "short": item.Value[:headSize-1], "cut": item.Value[:headSize+50], "long": append(item.Value, 0),
		"another version": append([]byte("LIVE\x02"), item.Value[5:]...),
		"another digest":  head{digest: o.Digest + 1, size: o.Size, id: identify(row)}.append(nil),
		"another key's":   append(head{digest: o.Digest, size: o.Size, id: identify(other)}.append(nil), o.Body...),
		"a stranger's":    bytes.Repeat([]byte("\r\nEND\r\n"), 1000),
	}
	for name, value := range items {
		if err := library.Set(&memcache.Item{Key: identify(row).key(), Value: value}); err != nil {
			t.Fatal(err)
		}
		if got, err := n.Get(t.Context(), row, o.Digest); !errors.Is(err, origin.ErrNotFound) {
			t.Errorf("%s item: %d bytes, %v", name, got.Size, err)
		}
	}
	if err := n.Put(t.Context(), row, o); err != nil {
		t.Error(err)
	}
	if got, err := n.Get(t.Context(), row, o.Digest); err != nil || !bytes.Equal(got.Body, o.Body) {
		t.Errorf("afterwards: %v", err)
	}
	if open := len(n.pool.open); open != 1 {
		t.Errorf("%d connections were needed for one call after another", open)
	}
}

// GetInto uses a buffer that is large enough, and leaves one that is not alone.
func TestGetInto(t *testing.T) {
	n, o := open(t, Config{Address: node(t)}), object(1000)
	if err := n.Put(t.Context(), row, o); err != nil {
		t.Fatal(err)
	}
	for _, room := range []int{0, 999, 1000, 2000} {
		into := make([]byte, 0, room)
		got, err := n.GetInto(t.Context(), row, o.Digest, into)
		if err != nil || !bytes.Equal(got.Body, o.Body) {
			t.Fatalf("into %d bytes: %d, %v", room, got.Size, err)
		}
		if there := room > 0 && &got.Body[0] == &into[:1][0]; there != (room >= o.Size) {
			t.Errorf("into %d bytes: used %v", room, there)
		}
	}
}

// An item is kept for as long as its object, at most for as long as is configured, and never for what memcached takes
// for a date.
func TestTTL(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for _, c := range []struct {
		limit, left time.Duration // 0: none, and for ever
		want        int
	}{
		{0, 0, 30 * 24 * 3600},
		{0, 31 * 24 * time.Hour, 30 * 24 * 3600},
		{40 * 24 * time.Hour, 0, 30 * 24 * 3600},
		{time.Minute, 0, 60},
		{time.Minute, time.Hour, 60},
		{time.Minute, 1500 * time.Millisecond, 2},
		{time.Minute, time.Microsecond, 1},
		{time.Minute, -time.Microsecond, 0},
	} {
		n := open(t, Config{Address: "127.0.0.1:1", TTL: c.limit})
		var expires time.Time
		if c.left != 0 {
			expires = now.Add(c.left)
		}
		if got := n.ttl(expires, now); got != c.want {
			t.Errorf("TTL %v, %v left: %d s, want %d", c.limit, c.left, got, c.want)
		}
	}
}

// What expires is gone, and says so while it is there.
func TestExpiry(t *testing.T) {
	n, o := open(t, Config{Address: node(t)}), object(10)
	o.ExpiresAt = time.Now().Add(500 * time.Millisecond).Truncate(time.Microsecond)
	if err := n.Put(t.Context(), row, o); err != nil {
		t.Fatal(err)
	}
	if got, err := n.Get(t.Context(), row, o.Digest); err == nil && !got.ExpiresAt.Equal(o.ExpiresAt) {
		t.Errorf("expires at %v, want %v", got.ExpiresAt, o.ExpiresAt)
	}
	o.ExpiresAt = time.Now().Add(-time.Second)
	gone := row
	gone.Number++
	if err := n.Put(t.Context(), gone, o); err != nil {
		t.Errorf("put of what has expired: %v", err)
	}
	if _, err := n.Get(t.Context(), gone, o.Digest); !errors.Is(err, origin.ErrNotFound) {
		t.Errorf("get of what had expired: %v", err)
	}
}

func TestFlushAndVersion(t *testing.T) {
	n, o := open(t, Config{Address: node(t)}), object(10)
	if err := n.Put(t.Context(), row, o); err != nil {
		t.Fatal(err)
	}
	if v, err := n.Version(t.Context()); err != nil || v == "" || strings.Contains(v, "VERSION") {
		t.Errorf("version %q, %v", v, err)
	}
	if err := n.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Get(t.Context(), row, o.Digest); !errors.Is(err, origin.ErrNotFound) {
		t.Errorf("after a flush: %v", err)
	}
}

// What goes wrong is called by its name, in time, and does not spoil the next call.
func TestFailures(t *testing.T) {
	bends := map[string]func(answer []byte) []byte{
		"hang":           func([]byte) []byte { time.Sleep(400 * time.Millisecond); return nil },
		"drop":           func([]byte) []byte { return nil },
		"half":           func(a []byte) []byte { return a[:len(a)/2] },
		"full":           func([]byte) []byte { return []byte("SERVER_ERROR out of memory storing object\r\n") },
		"endless":        func([]byte) []byte { return bytes.Repeat([]byte("x"), 100_000) },
		"another key":    func(a []byte) []byte { return bytes.Replace(a, []byte("lo1-"), []byte("lo2-"), 1) },
		"huge":           func([]byte) []byte { return []byte("VALUE " + identify(row).key() + " 0 2000000000\r\n") },
		"longer":         func(a []byte) []byte { return bytes.Replace(a, []byte("\r\nEND"), []byte("xx\r\nEND"), 1) },
		"not a number":   func([]byte) []byte { return []byte("VALUE " + identify(row).key() + " 0 -1\r\n") },
		"one more value": func(a []byte) []byte { return append(bytes.TrimSuffix(a, ended), a...) },
	}
	for _, c := range []struct {
		bend     string
		put, get error
	}{
		{"hang", origin.ErrTimeout, origin.ErrTimeout},
		{"half", origin.ErrTimeout, origin.ErrTimeout},
		{"drop", origin.ErrUnreachable, origin.ErrUnreachable},
		{"full", ErrRefused, ErrRefused},
		{"endless", origin.ErrUnreachable, origin.ErrUnreachable},
		{"another key", nil, ErrRefused},
		{"huge", ErrRefused, ErrRefused},
		{"longer", nil, ErrRefused},
		{"not a number", ErrRefused, ErrRefused},
		{"one more value", nil, ErrRefused},
	} {
		t.Run(c.bend, func(t *testing.T) {
			t.Parallel()
			var bent atomic.Bool
			address := double(t, func(_ string, answer []byte) []byte {
				if bent.Load() {
					return bends[c.bend](answer)
				}
				return answer
			})
			n, o := open(t, Config{Address: address, Timeout: 200 * time.Millisecond}), object(1000)
			patient := open(t, Config{Address: address})
			if err := patient.Put(t.Context(), row, o); err != nil {
				t.Fatal(err)
			}
			bent.Store(true)
			if _, err := n.Get(t.Context(), row, o.Digest); !errors.Is(err, c.get) {
				t.Errorf("get: %v, want %v", err, c.get)
			}
			if err := n.Put(t.Context(), row, o); !errors.Is(err, c.put) {
				t.Errorf("put: %v, want %v", err, c.put)
			}
			bent.Store(false)
			n.config.Timeout = 10 * time.Second
			if got, err := n.Get(t.Context(), row, o.Digest); err != nil || !bytes.Equal(got.Body, o.Body) {
				t.Errorf("afterwards: %d bytes, %v", got.Size, err)
			}
		})
	}
}

// A node that was started again costs nobody an error, though all connections to it have ended.
func TestRestart(t *testing.T) {
	var restarted atomic.Bool
	address := double(t, func(_ string, answer []byte) []byte {
		if restarted.Swap(false) {
			return nil
		}
		return answer
	})
	n, o := open(t, Config{Address: address}), object(10)
	for range 3 {
		if err := n.Put(t.Context(), row, o); err != nil {
			t.Fatal(err)
		}
		restarted.Store(true)
		if _, err := n.Get(t.Context(), row, o.Digest); err != nil {
			t.Errorf("after a restart: %v", err)
		}
	}
}

func TestDead(t *testing.T) {
	n := open(t, Config{Address: servertest.Free(t)})
	if _, err := n.Get(t.Context(), row, 1); !errors.Is(err, origin.ErrUnreachable) {
		t.Errorf("get from nobody: %v", err)
	}
	if err := n.Put(t.Context(), row, object(1)); !errors.Is(err, origin.ErrUnreachable) {
		t.Errorf("put to nobody: %v", err)
	}
	n.Close()
	if _, err := n.Get(t.Context(), row, 1); !errors.Is(err, origin.ErrUnreachable) {
		t.Errorf("get after close: %v", err)
	}
	if _, err := Open(Config{Address: "localhost"}); err == nil {
		t.Error("an address without a port was taken")
	}
}

// Calls end with their contexts, whether they wait for an answer or for a connection.
func TestContext(t *testing.T) {
	release, asked := make(chan struct{}), make(chan struct{}, 10)
	defer close(release)
	address := double(t, func(string, []byte) []byte { asked <- struct{}{}; <-release; return nil })
	n := open(t, Config{Address: address, Connections: 1, Timeout: time.Hour})
	first, cancelFirst := context.WithCancel(t.Context())
	second, cancelSecond := context.WithCancel(t.Context())
	outcomes := make(chan error, 2)
	get := func(ctx context.Context) { _, err := n.Get(ctx, row, 1); outcomes <- err }
	go get(first)
	<-asked
	go get(second)
	cancelSecond()
	if err := <-outcomes; !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for a connection: %v", err)
	}
	cancelFirst()
	if err := <-outcomes; !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for an answer: %v", err)
	}
	third, cancelThird := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancelThird()
	if _, err := n.Get(third, row, 1); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, origin.ErrTimeout) {
		t.Errorf("past a deadline: %v", err)
	}
	if len(n.pool.open) != 0 || len(n.pool.room) != 0 {
		t.Errorf("%d connections left, %d under way", len(n.pool.open), len(n.pool.room))
	}
}

// Keys whose fields are the same when strung together are different keys.
func TestIdentity(t *testing.T) {
	same := []origin.Key{{Event: "ab", Rendition: "c"}, {Event: "a", Rendition: "bc"}, {Event: "abc"}, {Rendition: "abc"},
		{Pipeline: "abc"}, {Event: "ab", Pipeline: "c"}, {Event: "abc", Number: 1}, {Event: "abc", Part: 1}}
	seen := make(map[identity]origin.Key)
	for _, k := range same {
		if other, ok := seen[identify(k)]; ok {
			t.Errorf("%+v and %+v are taken for one", k, other)
		}
		seen[identify(k)] = k
	}
	if key := identify(same[0]).key(); len(key) != keySize || strings.ContainsAny(key, " \r\n") {
		t.Errorf("key %q", key)
	}
}
