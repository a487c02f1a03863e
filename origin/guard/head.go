package guard

import "bytes"

// head is a request's head on its way in. Its zero value is before the first byte; offsets count from there, so the
// bytes may move between two calls of scan.
type head struct {
	begin  int // where the request line begins, after empty lines
	line   int // where the line begins that is not whole yet
	seen   int // how far has been looked for its end
	fields int

	begun     bool // the request line is in
	old       bool // HTTP/1.0
	publishes bool // PUT or POST
	gets      bool // GET, and not old
	target    span
	heeded    bool // one of its fields is (see heeded)
	hosts     int
	host      span
	authority span // of the target, when it has one
	lengths   int
	length    int64
	codings   int

	end int     // as scan said last
	why Refusal // and this
}

// span is a part of the head.
type span struct{ from, to int }

func (s span) of(b []byte) []byte { return b[s.from:s.to] }

// maxBlank is how many empty lines before a request line are overlooked (RFC 9112, 2.2).
const maxBlank = 2

// scan goes on with a head of which b has everything so far. It returns where the head ends, or 0 when b does not have
// all of it, or why it is refused, as soon as that is certain.
func (h *head) scan(b []byte, l *Limits) (end int, why Refusal) {
	for {
		i := bytes.IndexByte(b[h.seen:], '\n')
		if i < 0 {
			h.seen = len(b)
			return 0, h.unfinished(b, l)
		}
		line := b[h.line : h.seen+i]
		at := h.line
		h.seen += i + 1
		h.line = h.seen
		if h.line-h.begin > l.Head {
			return 0, h.tooLong()
		}
		if len(line) == 0 || line[len(line)-1] != '\r' {
			return 0, BareLF
		}
		line = line[:len(line)-1]
		switch {
		case !h.begun && len(line) == 0:
			h.begin = h.seen
			if h.begin > 2*maxBlank {
				return 0, BadLine
			}
		case !h.begun:
			h.begun = true
			why = h.requestLine(line, at, l)
		case len(line) == 0:
			end, why = h.seen, h.finish(b)
		default:
			why = h.field(line, at, l)
		}
		switch {
		case why != None:
			return 0, why
		case end > 0:
			return end, None
		}
	}
}

// unfinished judges what has no line end yet: a greeting in another protocol must not have to wait for one.
func (h *head) unfinished(b []byte, l *Limits) Refusal {
	rest := b[h.line:]
	switch {
	case !h.begun && len(rest) > 0 && rest[0] != '\r' && !is(rest[0], tokenByte):
		return BadLine
	case !h.begun && len(rest) > l.Target+64: // room for a method and a version
		return TargetTooLong
	case len(b)-h.begin > l.Head:
		return h.tooLong()
	}
	return None
}

func (h *head) tooLong() Refusal {
	if !h.begun {
		return TargetTooLong
	}
	return HeadTooLarge
}

// maxMethod is longer than any method is (RFC 9112, 3: then 501).
const maxMethod = 32

// requestLine reads method SP target SP version (RFC 9112, 3).
func (h *head) requestLine(line []byte, at int, l *Limits) Refusal {
	one := bytes.IndexByte(line, ' ')
	two := one + 1 + bytes.IndexByte(line[one+1:], ' ')
	if one <= 0 || two <= one || !all(line[:one], tokenByte) {
		return BadLine
	}
	method, target, version := line[:one], line[one+1:two], line[two+1:]
	switch {
	case len(method) > maxMethod:
		return UnknownMethod
	case len(target) > l.Target:
		return TargetTooLong
	}
	switch string(version) {
	case "HTTP/1.1":
	case "HTTP/1.0":
		h.old = true
	default:
		if looksLikeVersion(version) {
			return UnknownVersion
		}
		return BadLine
	}
	h.publishes = string(method) == "PUT" || string(method) == "POST"
	h.gets = string(method) == "GET" && !h.old
	h.target = span{at + one + 1, at + two}
	authority, why := scanTarget(string(method), target)
	if authority.to > authority.from {
		h.authority = span{h.target.from + authority.from, h.target.from + authority.to}
	}
	return why
}

func looksLikeVersion(s []byte) bool {
	return len(s) == 8 && string(s[:5]) == "HTTP/" && digit(s[5]) && s[6] == '.' && digit(s[7])
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// finish judges the head as a whole.
func (h *head) finish(b []byte) Refusal {
	switch {
	case h.hosts > 1 || h.hosts == 0 && !h.old: // RFC 9112, 3.2
		return BadHost
	case h.lengths+h.codings > 1: // RFC 9112, 6.3: a sender of both is up to something
		return BadFraming
	case h.codings > 0 && h.old: // RFC 9112, 6.1: was never part of HTTP/1.0
		return BadFraming
	}
	if in := h.authority.of(b); len(in) > 0 && h.hosts > 0 && !isName(in, string(h.host.of(b))) { // RFC 9112, 3.2.2
		return BadHost
	}
	return None
}

// maxPlain is how many bytes of fields are remembered: an edge's, and most players'.
const maxPlain = 512

// repeats reads a head whose fields are, to the byte, those of a plain GET before it, as those of most clients are from one
// request to the next: then all that is new is its first line. Where it is not so, it has read nothing.
func (h *head) repeats(b, plain []byte, l *Limits) bool {
	i := bytes.IndexByte(b, '\n')
	if i < 1 || len(plain) == 0 || len(b) > l.Head || b[i-1] != '\r' || !bytes.Equal(b[i+1:], plain) {
		return false
	}
	if why := h.requestLine(b[:i-1], 0, l); why != None || !h.gets || h.authority.to > 0 {
		*h = head{}
		return false
	}
	h.begun, h.end = true, len(b)
	return true
}

// remember returns the fields of a plain GET, in place of those before.
func (h *head) remember(plain, b []byte) []byte {
	fields := b[h.target.to+len(" HTTP/1.1\r\n"):]
	if len(fields) > maxPlain || bytes.Equal(fields, plain) {
		return plain
	}
	return append(plain[:0], fields...)
}
