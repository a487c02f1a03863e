package originhttp

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

func TestToken(t *testing.T) {
	at := time.Unix(1_763_500_000, 0).UTC()
	for s, want := range map[string]origin.Token{
		"time=@1763500000, nonce=:AAECAwQFBgc=:":               {Time: at, Nonce: 0x01020304050607},
		"nonce=:AAECAwQFBgc=:,time=@1763500000;us=0":           {Time: at, Nonce: 0x01020304050607},
		"time=@1763500000;us=999999, nonce=://////////8=:":     {Time: at.Add(999_999 * time.Microsecond), Nonce: math.MaxUint64},
		"time=@-1, nonce=:AAAAAAAAAAA=:":                       {Time: time.Unix(-1, 0).UTC()},
		"time=@1, time=@1763500000;us=7, nonce=:AAAAAAAAAAA=:": {Time: at.Add(7 * time.Microsecond)}, // the last one counts
	} {
		got, err := parseToken([]string{s})
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", s, got, err, want)
		}
		if back, err := parseToken([]string{tokenField(want)}); err != nil || back != want {
			t.Errorf("%+v is written %s and read %+v, %v", want, tokenField(want), back, err)
		}
	}
	for _, s := range []string{
		"", "time=@1763500000", "nonce=:AAECAwQFBgc=:", "time=1763500000, nonce=:AAECAwQFBgc=:", "time=@1.5, nonce=:AAECAwQFBgc=:",
		"time=@1;us=1000000, nonce=:AAECAwQFBgc=:", "time=@1;us=-1, nonce=:AAECAwQFBgc=:", "time=@1;us=0.5, nonce=:AAECAwQFBgc=:",
		"time=@1;ms=5, nonce=:AAECAwQFBgc=:", "time=@1;us=5;ms=5, nonce=:AAECAwQFBgc=:", "time=@1, nonce=:AAECAwQFBg==:",
		"time=@1, nonce=:AAECAwQFBgcI:", "time=@1, nonce=5", "time=@1, nonce=:AAECAwQFBgc=:;x", "time=(@1), nonce=:AAECAwQFBgc=:",
		"time=@1, nonce=:AAECAwQFBgc=:, x=1", "time=:AAECAwQFBgc=:, nonce=@1", "Time=@1", "time=@1, nonce=:AAECAwQFBgc=", "time, nonce",
	} {
		if got, err := parseToken([]string{s}); err == nil {
			t.Errorf("%q: %+v; want an error", s, got)
		}
	}
}

// A token from too far away is refused with how far; one at the limit is taken.
func TestTokenDrift(t *testing.T) {
	s := &shelf{says: origin.Receipt{Outcome: origin.Stored}}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		off, limit time.Duration
		says       string // "" when it is taken
	}{
		{0, 0, ""}, {5 * time.Second, 0, ""}, {-5 * time.Second, 0, ""},
		{5*time.Second + time.Microsecond, 0, "5.000001s ahead of this clock; at most 5s"},
		{-6 * time.Second, 0, "6s behind this clock; at most 5s"},
		{-6 * time.Second, time.Minute, ""}, {time.Second, time.Millisecond, "1s ahead"},
		{250 * 365 * 24 * time.Hour, 0, "ahead"},
	} {
		address := listen(t, Publishing(s, catalog, fixed(now), PublishingOptions{Drift: c.limit}), ForPublishing)
		token := origin.Token{Time: now.Add(c.off), Nonce: 7}
		r := raw(t, address, put+byA+"Live-Token: "+tokenField(token)+"\r\n"+digits, false)
		got := s.take()
		if c.says == "" && (r.status != 201 || len(got) != 1 || got[0].Object.Token != token) {
			t.Errorf("%v off: %d %s %+v", c.off, r.status, r.body, got)
		}
		if c.says != "" && (r.status != 400 || !r.closed || len(got) != 0 || !strings.Contains(r.body, c.says)) {
			t.Errorf("%v off: %d %s; want 400 that says %q", c.off, r.status, r.body, c.says)
		}
	}
}

// FuzzToken: what is taken for a token is written so that it is read as the same.
func FuzzToken(f *testing.F) {
	for _, s := range []string{"time=@1763500000;us=5, nonce=:AAECAwQFBgc=:", "time=@-1, nonce=:AAAAAAAAAAA=:", "time=@999999999999999, nonce=:/w==:",
		"time=@1, time=@2, nonce=:AAECAwQFBgc=:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		token, err := parseToken([]string{s})
		if err != nil {
			return
		}
		if back, err := parseToken([]string{tokenField(token)}); err != nil || back != token {
			t.Errorf("%q is %+v, and then %+v (%v)", s, token, back, err)
		}
		if checkDrift(token, time.Unix(0, 0), 5*time.Second) == nil && max(token.Time.Unix(), -token.Time.Unix()) > 5 {
			t.Errorf("%v is not too far away", token.Time)
		}
	})
}
