package reports

import "bytes"

// skim reads a line of audience.jsonl as the generator writes nearly all of them: one flat object without spaces, of
// known keys, plain words and whole numbers. It leaves to encoding/json whatever it does not understand at once; that
// takes ten times as long and gives the same.
func (l *audienceLine) skim(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte{'{'})
	for ok {
		var key []byte
		if key, rest, ok = plainWord(rest); !ok {
			return false
		}
		if rest, ok = bytes.CutPrefix(rest, []byte{':'}); !ok {
			return false
		}
		if rest, ok = l.skimValue(key, rest); !ok {
			return false
		}
		if string(rest) == "}" {
			return true
		}
		rest, ok = bytes.CutPrefix(rest, []byte{','})
	}
	return false
}

func (l *audienceLine) skimValue(key, rest []byte) ([]byte, bool) {
	if into := l.word(key); into != nil {
		word, rest, ok := plainWord(rest)
		*into = string(word)
		return rest, ok
	}
	if into := l.count(key); into != nil {
		n, rest, ok := plainNumber(rest)
		*into = n
		return rest, ok
	}
	return nil, false
}

// word is where a key's word belongs; nil for keys that have none.
func (l *audienceLine) word(key []byte) *string {
	switch string(key) {
	case "kind":
		return &l.Kind
	case "region":
		return &l.Region
	case "rendition":
		return &l.Rendition
	case "served_region":
		return &l.ServedRegion
	case "pipeline":
		return &l.Pipeline
	case "latency":
		return &l.Latency
	case "ttfb":
		return &l.TTFB
	case "lag":
		return &l.Lag
	case "reason":
		return &l.Reason
	case "phase", "edge", "class":
		return new(string) // the judge has no use for it
	}
	return nil
}

// count is where a key's number belongs; nil for keys that have none.
func (l *audienceLine) count(key []byte) *int64 {
	switch string(key) {
	case "at_us":
		return &l.AtUs
	case "requests":
		return &l.Requests
	case "segments":
		return &l.Segments
	case "bytes":
		return &l.Bytes
	case "held":
		return &l.Held
	case "early":
		return &l.Early
	case "late":
		return &l.Late
	case "stalled":
		return &l.Stalled
	case "stall_us":
		return &l.StallUs
	case "missed":
		return &l.Missed
	case "defective":
		return &l.Defective
	case "wrong":
		return &l.Wrong
	case "unchecked":
		return &l.Unchecked
	case "failed":
		return &l.Failed
	case "switches":
		return &l.Switches
	case "vu":
		return &l.VU
	case "count":
		return &l.Count
	case "viewers":
		return &l.Viewers
	}
	return nil
}

// plainWord reads a string in which nothing is escaped, and nothing had to be.
func plainWord(line []byte) (word, rest []byte, ok bool) {
	if len(line) == 0 || line[0] != '"' {
		return nil, nil, false
	}
	end := bytes.IndexByte(line[1:], '"')
	if end < 0 {
		return nil, nil, false
	}
	word = line[1 : 1+end]
	for _, c := range word {
		if c < ' ' || c > '~' || c == '\\' {
			return nil, nil, false
		}
	}
	return word, line[2+end:], true
}

// plainNumber reads a whole number of at most eighteen digits: they fit.
func plainNumber(line []byte) (n int64, rest []byte, ok bool) {
	digits := 0
	for digits < len(line) && line[digits] >= '0' && line[digits] <= '9' {
		n = 10*n + int64(line[digits]-'0')
		digits++
		if digits > 18 {
			return 0, nil, false
		}
	}
	if digits == 0 || digits > 1 && line[0] == '0' {
		return 0, nil, false
	}
	return n, line[digits:], true
}
