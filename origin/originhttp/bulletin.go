package originhttp

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/dunglas/httpsfv"

	"github.com/liveorigin/liveorigin/origin"
)

// describeEvent writes the bulletin, which travels with every answer of an event that is known: also with a refusal, so
// that everybody hears of a notice who asks for anything (facts.md, HDR-5).
func describeEvent(f *fields, b *origin.Bulletin) {
	if b.Version == 0 {
		return
	}
	f.text = strconv.AppendInt(f.text, b.Version, 10)
	f.end(fieldVersion)
	f.text = strconv.AppendInt(f.text, b.CacheVersion, 10)
	f.end(fieldCacheVersion)
	if b.Notices != "" {
		f.add(fieldNotices, b.Notices)
	}
}

// What a bulletin may have that comes from outside. Integers of structured fields have 15 digits (RFC 9651, 3.3.1).
const (
	maxVersion  = 999_999_999_999_999
	maxBulletin = 32 << 10 // bytes of the field
)

var errBulletin = errors.New("not a bulletin")

// bulletin reads what an answer tells of its event. One that makes no sense as a whole tells nothing: half of the
// notices, or the notices without their version, would be believed to be all there are.
func bulletin(h http.Header) origin.Bulletin {
	if len(h[fieldVersion]) == 0 {
		return origin.Bulletin{}
	}
	version, err := parseVersion(h[fieldVersion])
	if err != nil || version < 1 {
		return origin.Bulletin{}
	}
	cacheVersion, err := parseVersion(h[fieldCacheVersion])
	if err != nil {
		return origin.Bulletin{}
	}
	notices, err := parseNotices(h[fieldNotices])
	if err != nil {
		return origin.Bulletin{}
	}
	s := origin.State{Version: version, CacheVersion: cacheVersion, Notices: notices}
	return s.Bulletin() // written anew, so that equal bulletins are equal however they were spelled
}

func parseVersion(values []string) (int64, error) {
	if len(values) != 1 || len(values[0]) > 15 {
		return 0, errBulletin
	}
	n, err := strconv.ParseUint(values[0], 10, 63)
	if err != nil || n > maxVersion {
		return 0, errBulletin
	}
	return int64(n), nil
}

// parseNotices reads a list of tokens, each with the parameters at, a date, and text, a string.
func parseNotices(values []string) ([]origin.Notice, error) {
	size := 0
	for _, v := range values {
		size += len(v)
	}
	if size == 0 {
		return nil, nil
	}
	if size > maxBulletin {
		return nil, errBulletin
	}
	list, err := httpsfv.UnmarshalList(values)
	if err != nil {
		return nil, err
	}
	if len(list) > origin.MaxNotices {
		return nil, errBulletin
	}
	notices := make([]origin.Notice, 0, len(list))
	for _, member := range list {
		n, err := parseNotice(member)
		if err != nil {
			return nil, err
		}
		notices = append(notices, n)
	}
	return notices, nil
}

func parseNotice(member httpsfv.Member) (n origin.Notice, err error) {
	it, ok := member.(httpsfv.Item)
	if !ok || it.Params == nil {
		return n, errBulletin
	}
	id, isToken := it.Value.(httpsfv.Token)
	at, _ := it.Params.Get("at")
	text, _ := it.Params.Get("text")
	n.ID = string(id)
	n.At, ok = at.(time.Time)
	n.Text, _ = text.(string)
	if !isToken || !ok || !origin.ValidToken(n.ID) || n.Text == "" || len(n.Text) > origin.MaxNotice {
		return origin.Notice{}, errBulletin
	}
	n.At = n.At.UTC()
	return n, nil
}
