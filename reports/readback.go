package reports

import (
	"fmt"

	"github.com/liveorigin/liveorigin/origin"
)

// Unread is the Reason of a read-back record of a candidate that could not be read, and may be there.
const Unread = "unread"

// readBack counts the acknowledged candidates that were looked for in the store at the end: those that were there, those
// that were not, and those of which nobody knows.
type readBack struct{ there, lost, unread int64 }

func (b *readBack) add(rec *origin.Record) {
	switch {
	case rec.Error == "":
		b.there += rec.Count
	case rec.Reason == Unread:
		b.unread++
	default:
		b.lost++
	}
}

// String is what is not known.
func (b readBack) String() string {
	return fmt.Sprintf("%d of %d acknowledged candidates could not be read back; whether they are lost is not known",
		b.unread, b.there+b.lost+b.unread)
}
