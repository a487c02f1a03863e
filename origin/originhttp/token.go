package originhttp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/dunglas/httpsfv"

	"github.com/liveorigin/liveorigin/origin"
)

// fieldToken makes a publication idempotent however often and to whomever it is sent. It is a dictionary of two members:
//
//	Live-Token: time=@1763500000;us=250000, nonce=:AAECAwQFBgc=:
//
// time is a Date (RFC 9651, 3.3.7), which counts whole seconds, with the microseconds beyond it in a parameter; nonce is
// eight bytes.
const fieldToken = "Live-Token"

var errToken = errors.New("want a dictionary of time, a date with us below a second, and nonce, eight bytes")

// parseToken reads a Live-Token. What it does not know in it is an error: a token that is not understood as it was meant
// would make two writes of one, or one of two.
func parseToken(values []string) (t origin.Token, err error) {
	dict, err := httpsfv.UnmarshalDictionary(values)
	if err != nil {
		return t, errToken
	}
	for _, name := range dict.Names() {
		member, _ := dict.Get(name)
		it, ok := member.(httpsfv.Item)
		if !ok {
			return origin.Token{}, errToken
		}
		switch value := it.Value.(type) {
		case time.Time:
			us, ok := microseconds(it.Params)
			if name != "time" || !ok {
				return origin.Token{}, errToken
			}
			t.Time = value.Add(us).UTC()
		case []byte:
			if name != "nonce" || len(value) != 8 || len(it.Params.Names()) > 0 {
				return origin.Token{}, errToken
			}
			t.Nonce = binary.BigEndian.Uint64(value)
		default:
			return origin.Token{}, errToken
		}
	}
	if len(dict.Names()) != 2 {
		return origin.Token{}, errToken
	}
	return t, nil
}

// microseconds reads the parameter us, which may be missing; there is no other.
func microseconds(p *httpsfv.Params) (time.Duration, bool) {
	if p == nil || len(p.Names()) == 0 {
		return 0, true
	}
	value, _ := p.Get("us")
	us, ok := value.(int64)
	return time.Duration(us) * time.Microsecond, ok && len(p.Names()) == 1 && us >= 0 && us < 1_000_000
}

// tokenField writes a token, to the microsecond; "" for what a Date cannot say.
func tokenField(t origin.Token) string {
	at := httpsfv.NewItem(time.Unix(t.Time.Unix(), 0))
	at.Params.Add("us", int64(t.Time.Nanosecond()/1000))
	dict := httpsfv.NewDictionary()
	dict.Add("time", at)
	dict.Add("nonce", httpsfv.NewItem(binary.BigEndian.AppendUint64(nil, t.Nonce)))
	s, err := httpsfv.Marshal(dict)
	if err != nil {
		return ""
	}
	return s
}

// checkDrift refuses a token whose time is too far from ours: where a store resolves conflicts by time, a write from the
// future would win over all that come after it, and one from the past would silently be lost.
func checkDrift(t origin.Token, now time.Time, limit time.Duration) error {
	switch off := t.Time.Sub(now); {
	case off > limit:
		return fmt.Errorf("its time is %v ahead of this clock; at most %v are taken", off, limit)
	case off < -limit:
		return fmt.Errorf("its time is %v behind this clock; at most %v are taken", -off, limit)
	}
	return nil
}
