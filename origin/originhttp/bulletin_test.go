package originhttp

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/liveorigin/liveorigin/origin"
)

// operated is a node whose event operators have changed to what a state says.
func operated(t testing.TB, change func(*origin.State)) *origin.Node {
	t.Helper()
	rt := new(origin.Wall)
	n := origin.NewNode(origin.NodeConfig{Name: "o", Region: "us-east", Runtime: rt, Store: origin.NewMemory(rt, 1<<20)})
	s := stateOf(change)
	if err := n.Apply(s); err != nil {
		t.Fatal(err)
	}
	return n
}

func stateOf(change func(*origin.State)) origin.State {
	s := origin.State{Event: testEvent(), Version: 12, CacheVersion: 3, Notices: []origin.Notice{
		{ID: "ad-1", At: time.Unix(1_763_500_000, 0).UTC(), Text: `break in "five"`},
		{ID: "warning", At: time.Unix(1_763_500_060, 0).UTC(), Text: `a \ b, c;d`},
	}}
	if change != nil {
		change(&s)
	}
	return s
}

const wantNotices = `ad-1;at=@1763500000;text="break in \"five\"", warning;at=@1763500060;text="a \\ b, c;d"`

// Whatever is asked for of an event that is known, and whatever is answered, the bulletin comes with it.
func TestBulletinIsOnEveryAnswer(t *testing.T) {
	for _, c := range []struct {
		path   string
		status int
		change func(*origin.State)
		fields []string
	}{
		{path: "/final/v1080/1.m4s", status: 404}, {path: "/final/v1080/1000.m4s", status: 410}, {path: "/final/none/1000.m4s", status: 404},
		{path: "/final/v1080/init.mp4", status: 404}, {path: "/final/config", status: 200}, {path: "/final/manifest.mpd", status: 200},
		{path: "/final/master.m3u8", status: 200}, {path: "/final/v1080/playlist.m3u8", status: 200}, {path: "/final/none/playlist.m3u8", status: 404},
		{path: "/final/v1080/1000.m4s", status: 410, change: func(s *origin.State) { s.Removed = true }},
		{path: "/final/manifest.mpd", status: 410, change: func(s *origin.State) { s.Removed = true }},
		{path: "/final/v1080/playlist.m3u8", status: 410, change: func(s *origin.State) { s.Removed = true }},
		{path: "/final/config", status: 200, change: func(s *origin.State) { s.Removed = true }},
		{path: "/final/manifest.mpd", status: 412, fields: []string{"If-Match", `"other"`}},
		{path: "/final/manifest.mpd", status: 206, fields: []string{"Range", "bytes=0-3"}},
		{path: "/final/manifest.mpd", status: 416, fields: []string{"Range", "bytes=900000-"}},
	} {
		n := operated(t, c.change)
		resp := ask(Delivery(n, n, n.Runtime), "GET", c.path, c.fields...)
		got := []string{resp.Header.Get("Live-Version"), resp.Header.Get("Live-Cache-Version"), resp.Header.Get("Live-Notices")}
		if diff := cmp.Diff([]string{"12", "3", wantNotices}, got); diff != "" || resp.StatusCode != c.status {
			t.Errorf("%s: status %d, want %d; %s", c.path, resp.StatusCode, c.status, diff)
		}
	}
	n := operated(t, nil)
	resp := ask(Delivery(n, n, n.Runtime), "GET", "/other/v1080/1.m4s")
	if got, ok := resp.Header["Live-Version"]; ok || resp.StatusCode != 404 {
		t.Errorf("an event that is not known: status %d, version %q", resp.StatusCode, got)
	}
}

// What a getter tells, its client on the other side of a connection is told.
func TestBulletinGoesOverHTTP(t *testing.T) {
	s := stateOf(nil)
	for _, resp := range []origin.Response{published("x"), {Reason: origin.Gap, MaxAge: time.Second}, {Reason: origin.StoreFailed}} {
		resp.Bulletin, resp.ServedBy = s.Bulletin(), ""
		if resp.OK() {
			resp.ServedBy = "us-west"
		}
		got, err := client(t, deliver(resp), ForDelivery, ClientOptions{}).Get(t.Context(), segment1017)
		if err != nil || got.Bulletin != resp.Bulletin || got.ServedBy != resp.ServedBy {
			t.Errorf("%s: got %+v, served by %q, %v", resp.Reason, got.Bulletin, got.ServedBy, err)
		}
	}
}

// Any bulletin that a valid state can have comes back as it was.
func TestBulletinRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for range 2000 {
		s := stateOf(func(s *origin.State) {
			s.Version, s.CacheVersion, s.Notices = 1+r.Int64N(maxVersion), r.Int64N(maxVersion), nil
			for range r.IntN(origin.MaxNotices + 1) {
				text := make([]byte, 1+r.IntN(origin.MaxNotice))
				for i := range text {
					text[i] = byte(' ' + r.IntN('~'-' '+1))
				}
				id := []byte("n")
				for range r.IntN(64) {
					id = append(id, "abcXYZ019._-"[r.IntN(12)])
				}
				s.Notices = append(s.Notices, origin.Notice{ID: string(id), At: time.Unix(r.Int64N(1<<33), 0), Text: string(text)})
			}
		})
		if err := s.Validate(); err != nil {
			t.Fatal(err)
		}
		want := s.Bulletin()
		h := http.Header{}
		var f fields
		describeEvent(&f, &want)
		f.writeTo(h)
		if got := bulletin(h); got != want {
			t.Fatalf("got  %+v\nwant %+v", got, want)
		}
	}
}

// What is no bulletin as a whole is none.
func TestBulletinIsStrict(t *testing.T) {
	const good = `x;at=@1;text="y"`
	for _, c := range []struct{ why, version, cacheVersion, notices string }{
		{"no version", "", "1", good}, {"version 0", "0", "1", good}, {"a negative one", "-1", "1", good},
		{"16 digits", "1000000000000000", "1", good}, {"no number", "1.5", "1", good}, {"two", "1, 2", "1", good},
		{"no cache version", "1", "", good}, {"a negative cache version", "1", "-1", good},
		{"no list", "1", "1", good + ","}, {"a string for an id", "1", "1", `"x";at=@1;text="y"`},
		{"no date", "1", "1", `x;text="y"`}, {"a number for a date", "1", "1", `x;at=1;text="y"`},
		{"no text", "1", "1", "x;at=@1"}, {"an empty text", "1", "1", `x;at=@1;text=""`}, {"a token for a text", "1", "1", "x;at=@1;text=y"},
		{"a long text", "1", "1", `x;at=@1;text="` + strings.Repeat("y", origin.MaxNotice+1) + `"`},
		{"an id that is no name", "1", "1", `x/y;at=@1;text="y"`}, {"an inner list", "1", "1", `(x);at=@1;text="y"`},
		{"too many", "1", "1", strings.Repeat(good+", ", origin.MaxNotices) + good},
		{"too much", "1", "1", good + strings.Repeat(" ", maxBulletin)},
	} {
		h := http.Header{}
		for name, v := range map[string]string{fieldVersion: c.version, fieldCacheVersion: c.cacheVersion, fieldNotices: c.notices} {
			if v != "" {
				h[name] = []string{v}
			}
		}
		if got := bulletin(h); got != (origin.Bulletin{}) {
			t.Errorf("%s: %+v", c.why, got)
		}
	}
	h := http.Header{fieldVersion: {"1"}, fieldCacheVersion: {"0"}, fieldNotices: {`x;text="y";at=@1`, `z;at=@2;text="w";more`}}
	if got := bulletin(h).Notices; got != `x;at=@1;text="y", z;at=@2;text="w"` {
		t.Errorf("another spelling: %s", got)
	}
}

// FuzzBulletin: whatever comes, what is believed is written and read again as it is, and within its limits.
func FuzzBulletin(f *testing.F) {
	f.Add("12", "3", wantNotices)
	f.Add("1", "0", "")
	f.Add("1", "0", `x;at=@-1;text="\\\""`)
	f.Add("999999999999999", "999999999999999", `x;at=@999999999999999;text="y", x;at=@1;text="y"`)
	f.Fuzz(func(t *testing.T, version, cacheVersion, notices string) {
		h := http.Header{fieldVersion: {version}, fieldCacheVersion: {cacheVersion}, fieldNotices: {notices}}
		got := bulletin(h)
		if got.Version == 0 {
			if got != (origin.Bulletin{}) {
				t.Fatalf("half a bulletin: %+v", got)
			}
			return
		}
		var fs fields
		describeEvent(&fs, &got)
		again := http.Header{}
		fs.writeTo(again)
		if b := bulletin(again); b != got || strings.ContainsAny(got.Notices, "\r\n") || len(got.Notices) > 3*maxBulletin {
			t.Fatalf("%+v becomes %+v", got, b)
		}
	})
}

// A request that nobody waits for says so, on both sides of a connection, and its refusal is not for others.
func TestBackground(t *testing.T) {
	for _, c := range []struct {
		name, value string
		want        bool
	}{
		{"Sec-Purpose", "prefetch", true}, {"Sec-Purpose", "prefetch;prerender", true}, {"Sec-Purpose", " Prefetch ; x", true},
		{"Purpose", "prefetch", true}, {"Sec-Purpose", "prefetcher", false}, {"Sec-Purpose", "", false}, {"X-Purpose", "prefetch", false},
	} {
		var asked origin.Request
		h := Delivery(getter(func(_ context.Context, r origin.Request) (origin.Response, error) {
			asked = r
			return origin.Response{Reason: origin.Overloaded, MaxAge: 5 * time.Second}, nil
		}), catalog, fixed(epoch))
		resp := ask(h, "GET", "/final/v1080/1017.m4s", c.name, c.value)
		if asked.Background != c.want || (resp.Header.Get("Vary") == "Sec-Purpose, Purpose") != c.want {
			t.Errorf("%s: %s: background %v, Vary %q", c.name, c.value, asked.Background, resp.Header.Get("Vary"))
		}
		if got := resp.Header.Get("Retry-After"); got != "5" || resp.Header.Get("Cache-Control") != "max-age=5, live-max-age-ms=5000" {
			t.Errorf("Retry-After: %s, %s", got, resp.Header.Get("Cache-Control"))
		}
	}
	for _, background := range []bool{true, false} {
		heard := make(chan origin.Request, 1)
		c := client(t, Delivery(getter(func(_ context.Context, r origin.Request) (origin.Response, error) {
			heard <- r
			return published("x"), nil
		}), catalog, fixed(epoch)), ForDelivery, ClientOptions{})
		want := segment1017
		want.Background = background
		if _, err := c.Get(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		if asked := <-heard; asked != want {
			t.Errorf("asked for %+v, want %+v", asked, want)
		}
	}
}
