package originhttp

import (
	"net/http"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

func TestCacheControl(t *testing.T) {
	for _, c := range []struct {
		d    time.Duration
		want string
	}{
		{-time.Second, "no-store"},
		{0, "no-store"},
		{999 * time.Microsecond, "no-store"},
		{time.Millisecond, "max-age=0, live-max-age-ms=1"},
		{300*time.Millisecond + 999*time.Microsecond, "max-age=0, live-max-age-ms=300"},
		{1999 * time.Millisecond, "max-age=1, live-max-age-ms=1999"},
		{5 * time.Second, "max-age=5, live-max-age-ms=5000"},
		{24 * time.Hour, "max-age=86400, live-max-age-ms=86400000"},
	} {
		got := string(appendCacheControl(nil, c.d))
		if got != c.want {
			t.Errorf("%v is written %q, want %q", c.d, got, c.want)
		}
		want := max(0, c.d.Truncate(time.Millisecond))
		if back := maxAge(http.Header{"Cache-Control": {got}}); back != want {
			t.Errorf("%q reads back as %v, want %v", got, back, want)
		}
	}
}

func TestMaxAge(t *testing.T) {
	for _, c := range []struct {
		control, age string
		want         time.Duration
	}{
		{"max-age=5", "", 5 * time.Second},
		{"max-age=5", "2", 3 * time.Second},
		{"max-age=5", "6", 0},
		{"max-age=5", "nonsense", 5 * time.Second},
		{"max-age=1, live-max-age-ms=1300", "1", 300 * time.Millisecond},
		{"live-max-age-ms=300, s-maxage=9, max-age=1", "", 300 * time.Millisecond},
		{"Max-Age=5 , public", "", 5 * time.Second},
		{`max-age="7"`, "", 7 * time.Second},
		{"s-maxage=2, max-age=9", "", 2 * time.Second},
		{"max-age=9, s-maxage=2", "", 2 * time.Second},
		{"max-age=5, no-store", "", 0},
		{"private, max-age=5", "", 0},
		{`foo="a, max-age=5"`, "", 0},
		{"max-age=-1", "", 0},
		{"max-age=99999999999999999999", "", 0},
		{"max-age=9999999999999", "", longest},
		{"max-age=9999999999999", "9223372036854775807", 0},
		{"", "", 0},
	} {
		h := http.Header{"Cache-Control": {c.control}}
		if c.age != "" {
			h.Set("Age", c.age)
		}
		if got := maxAge(h); got != c.want {
			t.Errorf("Cache-Control: %s, Age: %s gives %v, want %v", c.control, c.age, got, c.want)
		}
	}
}

func TestTiming(t *testing.T) {
	for _, c := range []struct {
		store, hold time.Duration
		want        string
	}{
		{0, 0, ""},
		{1200 * time.Microsecond, 0, "store;dur=1.200"},
		{0, 340 * time.Millisecond, "hold;dur=340.000"},
		{time.Microsecond, 4*time.Second + 5*time.Microsecond, "store;dur=0.001, hold;dur=4000.005"},
		{999 * time.Nanosecond, time.Second, "hold;dur=1000.000"},
	} {
		got := string(appendTiming(nil, c.store, c.hold))
		if got != c.want {
			t.Errorf("%v and %v are written %q, want %q", c.store, c.hold, got, c.want)
		}
		h := http.Header{fieldTiming: {got}}
		if s, d := timing(h, "store"), timing(h, "hold"); s != c.store.Truncate(time.Microsecond) || d != c.hold {
			t.Errorf("%q reads back as %v and %v", got, s, d)
		}
	}
	foreign := http.Header{fieldTiming: {`cache;desc="a, hold;dur=9";dur=1`, ` hold ; desc=x ; DUR="2.5" , store;dur=NaN, store`}}
	if s, d := timing(foreign, "store"), timing(foreign, "hold"); s != 0 || d != 2500*time.Microsecond {
		t.Errorf("%v reads as %v and %v", foreign, s, d)
	}
}

func TestCacheStatus(t *testing.T) {
	for want, c := range map[string]origin.CacheStatus{
		"edge-1;hit;ttl=3":                                {Cache: "edge-1", Hit: true, TTL: 3999 * time.Millisecond},
		"edge-1;hit;ttl=-1":                               {Cache: "edge-1", Hit: true, TTL: -time.Millisecond},
		"edge-1;fwd=miss;ttl=2;stored;collapsed":          {Cache: "edge-1", Forward: "miss", TTL: 2 * time.Second, Stored: true, Collapsed: true},
		`"4k edge";fwd=stale;detail="two regions\" down"`: {Cache: "4k edge", Forward: "stale", Detail: `two regions" down`},
		"edge-1;fwd=uri-miss;detail=failover":             {Cache: "edge-1", Forward: "uri-miss", Detail: "failover"},
	} {
		if got := cacheStatus(c); got != want {
			t.Errorf("%+v is written %s, want %s", c, got, want)
		}
		c.TTL = time.Duration(floorSeconds(c.TTL)) * time.Second
		if got := parseCacheStatus([]string{"shield;hit", want}); got != c {
			t.Errorf("%s reads as %+v, want %+v", want, got, c)
		}
	}
	if got := cacheStatus(origin.CacheStatus{Cache: "e", Forward: "not a token"}); got != "" {
		t.Errorf("an impossible fwd is written %q", got)
	}
}

func TestItem(t *testing.T) {
	for name, want := range map[string]string{
		"a": "a", "us-east": "us-east", "4k": `"4k"`, "_x": `"_x"`, `q"`: `"q\""`, "": "", "é": "", "a\nb": "",
	} {
		got := item(name)
		if got != want {
			t.Errorf("item(%q) = %s, want %s", name, got, want)
		}
		if back, err := parseItem([]string{got}); want != "" && (err != nil || back != name) {
			t.Errorf("%s reads back as %q, %v", got, back, err)
		}
	}
}

// FuzzHeaders: no answer's header, however broken, makes the client panic, hang, or believe the impossible; and what it
// understood it would write so that it reads the same again.
func FuzzHeaders(f *testing.F) {
	f.Add(200, "max-age=1, live-max-age-ms=300", "1", "store;dur=1.2, hold;dur=340", "edge;hit;ttl=3",
		"crc32c=:AAAAAA==:", "published", "short-segment, not-sync")
	f.Add(404, `max-age="5", private="a,b"`, "-1", `x;desc="a,b";dur=1e9`, `"a b";fwd=miss;detail="x"`, "sha-256=:", "early", "")
	f.Fuzz(func(t *testing.T, status int, control, age, timings, cache, digest, reason, defects string) {
		a := answer{status: status, header: http.Header{
			"Cache-Control": {control}, "Age": {age}, fieldTiming: {timings}, fieldCache: {cache}, fieldDigest: {digest},
			fieldReason: {reason}, fieldDefects: {defects}, fieldPipeline: {reason}, fieldRegion: {cache},
		}}
		r, err := a.response()
		if err != nil {
			return
		}
		if r.Reason.Status() != status {
			t.Errorf("status %d became %s", status, r.Reason)
		}
		if r.MaxAge < 0 || r.MaxAge > longest || r.Store < 0 || r.Store > longest || r.Hold < 0 || r.Hold > longest {
			t.Errorf("times out of bounds: %+v", r)
		}
		if r.Reason == origin.Published && r.Defects != 0 {
			t.Errorf("clean with %v", r.Defects)
		}
		if got := maxAge(http.Header{"Cache-Control": {string(appendCacheControl(nil, r.MaxAge))}}); got != r.MaxAge {
			t.Errorf("max-age %v reads back as %v", r.MaxAge, got)
		}
		h := http.Header{fieldTiming: {string(appendTiming(nil, r.Store, r.Hold))}}
		if s, d := timing(h, "store"), timing(h, "hold"); s != r.Store || d != r.Hold {
			t.Errorf("timing %v, %v reads back as %v, %v", r.Store, r.Hold, s, d)
		}
		if s := cacheStatus(r.Cache); r.Cache.Cache != "" && s != "" {
			if got := cacheStatus(parseCacheStatus([]string{s})); got != s {
				t.Errorf("%s reads back as %s", s, got)
			}
		}
	})
}
