package sim

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/keyvalue"
	"github.com/liveorigin/liveorigin/reports"
)

// holding is a store that gives one answer.
type holding struct {
	origin.Store
	body []byte
	err  error
}

func (h holding) Get(context.Context, origin.Key, uint32) (origin.Object, error) {
	return origin.Object{Body: h.body}, h.err
}

// Lost is what is not there, or something else; what could not be read may be there.
func TestReadBackTellsLostFromUnread(t *testing.T) {
	body := []byte("as it was sent")
	one := acknowledged{"east", origin.Key{Rendition: "v", Number: 7, Pipeline: "a"}, origin.Checksum(body), len(body)}
	for _, row := range []struct {
		why    string
		store  holding
		reason string // of the record, if any
		none   bool
	}{
		{"there", holding{body: body}, "", true},
		{"not there", holding{err: fmt.Errorf("read: %w", origin.ErrNotFound)}, "", false},
		{"a chunk of it not there", holding{err: fmt.Errorf("chunk 3: %w", keyvalue.ErrDamaged)}, "", false},
		{"something else", holding{body: []byte("as it was semt")}, "", false},
		{"too short", holding{body: body[:3]}, "", false},
		{"no answer in time", holding{err: origin.ErrTimeout}, reports.Unread, false},
		{"no quorum", holding{err: fmt.Errorf("2 of 3: %w", origin.ErrNoQuorum)}, reports.Unread, false},
		{"no time left", holding{err: context.DeadlineExceeded}, reports.Unread, false},
		{"an error that nobody knows", holding{err: errors.New("bad")}, reports.Unread, false},
	} {
		err := one.readFrom(t.Context(), row.store)
		if (err == nil) != row.none {
			t.Errorf("%s: %v", row.why, err)
		}
		if err == nil {
			continue
		}
		if r := one.record(err); r.Reason != row.reason || r.Error != err.Error() || r.Region != "east" || r.Number != 7 {
			t.Errorf("%s: %+v", row.why, r)
		}
	}
}
