package originhttp

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/dunglas/httpsfv"

	"github.com/liveorigin/liveorigin/origin"
)

// Field names, as net/http spells them.
const (
	fieldReason   = "Live-Reason"
	fieldOutcome  = "Live-Outcome"
	fieldPipeline = "Live-Pipeline"
	fieldRegion   = "Live-Region"
	fieldDefects  = "Live-Defects"
	fieldDigest   = "Repr-Digest"
	fieldETag     = "Etag"
	fieldCache    = "Cache-Status"
	fieldTiming   = "Server-Timing"

	fieldServedBy     = "Live-Served-By"
	fieldVersion      = "Live-Version"
	fieldCacheVersion = "Live-Cache-Version"
	fieldNotices      = "Live-Notices"
)

// fields collects the header of one response and hands it over in two allocations, however many fields there are: the
// values' text lies end to end in one string.
type fields struct {
	text  []byte
	names [24]string
	ends  [24]int
	n     int
}

// maxText is the longest text that is kept to be written over; with all notices that there can be it is longer.
const maxText = 4 << 10

var freeFields = sync.Pool{New: func() any { return new(fields) }}

// newFields takes fields that release has given back, or makes some.
func newFields() *fields {
	f := freeFields.Get().(*fields)
	f.text, f.n = f.text[:0], 0
	return f
}

func (f *fields) release() {
	if cap(f.text) <= maxText {
		freeFields.Put(f)
	}
}

// end gives the text appended since the last end to a field.
func (f *fields) end(name string) {
	f.names[f.n], f.ends[f.n] = name, len(f.text)
	f.n++
}

func (f *fields) add(name, value string) {
	f.text = append(f.text, value...)
	f.end(name)
}

func (f *fields) addInt(name string, n int) {
	f.text = strconv.AppendInt(f.text, int64(n), 10)
	f.end(name)
}

func (f *fields) writeTo(h http.Header) {
	all, start := string(f.text), 0
	values := make([]string, f.n)
	for i := range f.n {
		values[i] = all[start:f.ends[i]]
		h[f.names[i]] = values[i : i+1 : i+1]
		start = f.ends[i]
	}
}

// appendHead writes the head of an answer with these fields, and a Date (RFC 9110, 6.6.1), as it travels.
func (f *fields) appendHead(b []byte, status int, now time.Time) []byte {
	b = append(strconv.AppendInt(append(b, "HTTP/1.1 "...), int64(status), 10), ' ')
	b = append(append(b, http.StatusText(status)...), "\r\nDate: "...)
	b = append(now.UTC().AppendFormat(b, http.TimeFormat), "\r\n"...)
	start := 0
	for i := range f.n {
		b = append(append(b, f.names[i]...), ": "...)
		b = append(append(b, f.text[start:f.ends[i]]...), "\r\n"...)
		start = f.ends[i]
	}
	return append(b, "\r\n"...)
}

// appendETag makes a strong validator (RFC 9110, 8.8.3) of what an object is known by, its CRC32C and its size: the
// same bytes have the same tag on every node and from every pipeline, and other bytes have another.
func appendETag(b []byte, o *origin.Object) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for shift := 28; shift >= 0; shift -= 4 {
		b = append(b, hex[o.Digest>>shift&15])
	}
	b = append(b, '-')
	b = strconv.AppendInt(b, int64(o.Size), 10)
	return append(b, '"')
}

// appendDigest writes a Repr-Digest member (RFC 9530, section 3; CRC32C in network order by its registry).
func appendDigest(b []byte, digest uint32) []byte {
	b = append(b, "crc32c=:"...)
	b = base64.StdEncoding.AppendEncode(b, binary.BigEndian.AppendUint32(nil, digest))
	return append(b, ':')
}

// reprDigests reads the byte sequences of a Repr-Digest by algorithm. Other members are ignored, as RFC 9530 section 3
// asks of unknown algorithms; a field that is no dictionary is an error.
func reprDigests(values []string) (map[string][]byte, error) {
	if len(values) == 0 {
		return nil, nil
	}
	dict, err := httpsfv.UnmarshalDictionary(values)
	if err != nil {
		return nil, err
	}
	digests := make(map[string][]byte)
	for _, name := range dict.Names() {
		member, _ := dict.Get(name)
		if item, ok := member.(httpsfv.Item); ok {
			if sum, ok := item.Value.([]byte); ok {
				digests[name] = sum
			}
		}
	}
	return digests, nil
}

// crc32cOf finds the CRC32C among digests.
func crc32cOf(digests map[string][]byte) (sum uint32, ok bool) {
	b, ok := digests["crc32c"]
	if !ok || len(b) != 4 {
		return 0, false
	}
	return binary.BigEndian.Uint32(b), true
}

// item writes a name as a structured field: a token, or a string where a token cannot say it ("4k-east"); "" for what
// neither can.
func item(name string) string {
	if origin.ValidToken(name) {
		return name
	}
	s, err := httpsfv.Marshal(httpsfv.NewItem(name))
	if err != nil || name == "" {
		return ""
	}
	return s
}

var errItem = errors.New("neither a token nor a string")

// parseItem reads a token or a string.
func parseItem(values []string) (string, error) {
	if len(values) == 1 && origin.ValidToken(values[0]) {
		return values[0], nil
	}
	it, err := httpsfv.UnmarshalItem(values)
	if err != nil {
		return "", err
	}
	return bareName(it.Value)
}

func bareName(v any) (string, error) {
	switch v := v.(type) {
	case httpsfv.Token:
		return string(v), nil
	case string:
		return v, nil
	}
	return "", errItem
}

// parseTokens reads a list of tokens; an empty field is an empty list.
func parseTokens(values []string) ([]string, error) {
	list, err := httpsfv.UnmarshalList(values)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(list))
	for _, member := range list {
		it, ok := member.(httpsfv.Item)
		if !ok {
			return nil, errItem
		}
		token, ok := it.Value.(httpsfv.Token)
		if !ok {
			return nil, errItem
		}
		names = append(names, string(token))
	}
	return names, nil
}

// defectList writes defects as a list of tokens, worst first; "" when clean.
func defectList(d origin.Defects) string {
	var b []byte
	for i, name := range d.Names() {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, name...)
	}
	return string(b)
}

// cacheStatus writes one member of RFC 9211's Cache-Status. Its ttl counts whole seconds, rounded down; the exact rest
// is in Cache-Control.
func cacheStatus(c origin.CacheStatus) string {
	it := httpsfv.NewItem(tokenOrString(c.Cache))
	switch {
	case c.Hit:
		it.Params.Add("hit", true)
	case c.Forward != "":
		it.Params.Add("fwd", httpsfv.Token(c.Forward))
	}
	if c.Hit || c.Stored || c.TTL != 0 {
		it.Params.Add("ttl", floorSeconds(c.TTL))
	}
	if c.Stored {
		it.Params.Add("stored", true)
	}
	if c.Collapsed {
		it.Params.Add("collapsed", true)
	}
	if c.Detail != "" {
		it.Params.Add("detail", tokenOrString(c.Detail))
	}
	s, err := httpsfv.Marshal(it)
	if err != nil {
		return "" // a detail outside ASCII; telemetry is not worth failing an answer
	}
	return s
}

func tokenOrString(s string) any {
	if origin.ValidToken(s) {
		return httpsfv.Token(s)
	}
	return s
}

// floorSeconds rounds towards minus infinity: a stale entry is at least that stale.
func floorSeconds(d time.Duration) int64 {
	s := int64(d / time.Second)
	if d%time.Second < 0 {
		s--
	}
	return s
}

// parseCacheStatus reads the last member, which is of the cache nearest to us (RFC 9211, section 2); the zero value
// when there is none that makes sense.
func parseCacheStatus(values []string) (c origin.CacheStatus) {
	list, err := httpsfv.UnmarshalList(values)
	if err != nil || len(list) == 0 {
		return c
	}
	it, ok := list[len(list)-1].(httpsfv.Item)
	if !ok {
		return c
	}
	c.Cache, _ = bareName(it.Value)
	if it.Params == nil || c.Cache == "" {
		return c
	}
	flag := func(name string) bool { v, _ := it.Params.Get(name); b, _ := v.(bool); return b }
	text := func(name string) string { v, _ := it.Params.Get(name); s, _ := bareName(v); return s }
	ttl, _ := it.Params.Get("ttl")
	seconds, _ := ttl.(int64)
	c.Hit, c.Forward, c.Stored, c.Collapsed = flag("hit"), text("fwd"), flag("stored"), flag("collapsed")
	c.TTL, c.Detail = clampSeconds(seconds), text("detail")
	return c
}
