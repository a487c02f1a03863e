package player

import (
	"encoding/binary"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dunglas/httpsfv"
)

// Header fields, as net/http spells them. Those that begin with Live- are structured fields (RFC 9651).
const (
	fieldReason   = "Live-Reason"
	fieldPipeline = "Live-Pipeline"
	fieldRegion   = "Live-Region"
	fieldDefects  = "Live-Defects"
	fieldDigest   = "Repr-Digest"
	fieldTiming   = "Server-Timing"
	fieldCache    = "Cache-Control"
)

// What a stranger may send of these is bounded, because it ends up in tags and keys.
const (
	maxToken   = 64
	maxDefects = 16
)

// What Live-Reason says of a request that came before its segment, and of one after which there is nothing to come.
const (
	reasonEarly    = "early"
	reasonAfterEnd = "after-end"
	reasonRemoved  = "event-removed"
)

// name reads a token, or a string where the name is no token ("4k-east"); "" for anything else.
func name(values []string) string {
	if len(values) == 1 && validName(values[0]) && values[0][0] > '9' {
		return values[0]
	}
	item, err := httpsfv.UnmarshalItem(values)
	if err != nil {
		return ""
	}
	return bareName(item.Value)
}

func bareName(v any) string {
	var s string
	switch v := v.(type) {
	case httpsfv.Token:
		s = string(v)
	case string:
		s = v
	}
	return s[:min(len(s), maxToken)]
}

// defects reads a list of tokens. A field that cannot be read is a defect of its own: never silently clean.
func defects(values []string) []string {
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return nil
	}
	list, err := httpsfv.UnmarshalList(values)
	if err != nil {
		return []string{"unreadable"}
	}
	var names []string
	for _, member := range list[:min(len(list), maxDefects)] {
		s := "unreadable"
		if item, ok := member.(httpsfv.Item); ok {
			if t := bareName(item.Value); t != "" {
				s = t
			}
		}
		names = append(names, s)
	}
	return names
}

// crc32c finds the CRC32C in a Repr-Digest (RFC 9530).
func crc32c(values []string) (sum uint32, ok bool) {
	if len(values) == 0 {
		return 0, false
	}
	dict, err := httpsfv.UnmarshalDictionary(values)
	if err != nil {
		return 0, false
	}
	member, _ := dict.Get("crc32c")
	item, ok := member.(httpsfv.Item)
	if !ok {
		return 0, false
	}
	b, ok := item.Value.([]byte)
	if !ok || len(b) != 4 {
		return 0, false
	}
	return binary.BigEndian.Uint32(b), true
}

const (
	usualLifetime = 100 * time.Millisecond // of a refusal that says nothing of its lifetime
	leastLifetime = 5 * time.Millisecond   // so that no answer makes a viewer spin
	mostLifetime  = 24 * time.Hour
)

// lifetime is how long an answer says it holds: live-max-age-ms, which is exact, before max-age, which says nothing when
// it is zero; less the Age that it already has.
func lifetime(h http.Header) time.Duration {
	var exact, coarse time.Duration
	found := false
	for _, line := range h[fieldCache] {
		for part := range strings.SplitSeq(line, ",") {
			key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			switch strings.ToLower(key) {
			case "live-max-age-ms":
				exact, found = count(value, time.Millisecond)
			case "max-age":
				coarse, _ = count(value, time.Second)
			}
		}
	}
	left := exact
	switch {
	case !found && coarse == 0:
		return usualLifetime
	case !found:
		left = coarse
	}
	age, _ := count(h.Get("Age"), time.Second)
	return max(left-age, leastLifetime)
}

// count reads a number of units, at most mostLifetime.
func count(s string, unit time.Duration) (d time.Duration, ok bool) {
	n, err := strconv.ParseUint(strings.Trim(s, `" `), 10, 63)
	if err != nil {
		return 0, false
	}
	return time.Duration(min(n, uint64(mostLifetime/unit))) * unit, true
}

// heldOpen says whether Server-Timing tells of time spent waiting for the segment.
func heldOpen(values []string) bool {
	for _, line := range values {
		for metric := range strings.SplitSeq(line, ",") {
			params := strings.Split(metric, ";")
			if strings.TrimSpace(params[0]) != "hold" {
				continue
			}
			for _, p := range params[1:] {
				key, value, _ := strings.Cut(strings.TrimSpace(p), "=")
				ms, err := strconv.ParseFloat(strings.Trim(value, `" `), 64)
				if strings.EqualFold(key, "dur") && err == nil && ms > 0 {
					return true
				}
			}
		}
	}
	return false
}
