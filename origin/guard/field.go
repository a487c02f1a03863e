package guard

import (
	"bytes"
	"net/netip"
	"strings"
)

// field reads one field line (RFC 9112, 5), and keeps what frames the body.
func (h *head) field(line []byte, at int, l *Limits) Refusal {
	if blank(line[0]) { // RFC 9112, 5.2
		return FoldedLine
	}
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 || !all(line[:colon], tokenByte) || !all(line[colon+1:], valueByte) {
		return BadField
	}
	if h.fields++; h.fields > l.Fields+h.hosts { // a Host is not counted, for there has to be one
		return HeadTooLarge
	}
	name, from, to := line[:colon], colon+1, len(line)
	for from < to && blank(line[from]) {
		from++
	}
	for from < to && blank(line[to-1]) {
		to--
	}
	value := line[from:to]
	h.heeded = h.heeded || heeded(name, value)
	switch len(name) { // few names have the length of one that matters
	case len("Host"):
		if isName(name, "Host") {
			h.hosts++
			h.host = span{at + from, at + to}
			if !goodHost(value) {
				return BadHost
			}
		}
	case len("Expect"):
		if isName(name, "Expect") && !h.old && !isName(value, "100-continue") { // RFC 9110, 10.1.1
			return UnknownExpectation
		}
	case len("Trailer"):
		if isName(name, "Trailer") && namesFraming(value) {
			return BadFraming
		}
	case len("Content-Length"):
		if isName(name, "Content-Length") {
			return h.contentLength(value)
		}
	case len("Transfer-Encoding"):
		if isName(name, "Transfer-Encoding") {
			h.codings++
			if !isName(value, "chunked") {
				return UnknownCoding
			}
		}
	}
	return None
}

// heeded says whether an answer, what becomes of its connection, or what is said of it in a log may depend on a field: those
// of RFC 9110 7.6.1, 7.8 and 10.1.1, of prefetching (Sec-Purpose of the Fetch standard, and what came before it), and of
// traces (W3C Trace Context).
func heeded(name, value []byte) bool {
	switch len(name) {
	case len("Expect"):
		return isName(name, "Expect")
	case len("Upgrade"):
		return isName(name, "Upgrade") || isName(name, "Purpose")
	case len("Connection"):
		return isName(name, "Connection") && !isName(value, "keep-alive") // which says nothing in HTTP/1.1
	case len("Traceparent"):
		return isName(name, "Traceparent") || isName(name, "Sec-Purpose")
	}
	return false
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// contentLength takes digits only; the largest that it takes would be an exabyte.
func (h *head) contentLength(value []byte) Refusal {
	h.lengths++
	if len(value) == 0 || len(value) > 18 {
		return BadFraming
	}
	h.length = 0
	for _, c := range value {
		if !digit(c) {
			return BadFraming
		}
		h.length = h.length*10 + int64(c-'0')
	}
	return None
}

// namesFraming says whether a Trailer announces a field that frames the message, which must be in its head.
func namesFraming(value []byte) bool {
	for name := range bytes.SplitSeq(value, []byte{','}) {
		name = bytes.Trim(name, " \t")
		if isName(name, "Transfer-Encoding") || isName(name, "Trailer") || isName(name, "Content-Length") {
			return true
		}
	}
	return false
}

// isName compares without regard to the case of ASCII letters; Unicode's folding would let a Kelvin sign pass for a k.
func isName(b []byte, name string) bool {
	if len(b) != len(name) {
		return false
	}
	for i, c := range b {
		if lower(c) != lower(name[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// goodHost takes a name or an IP literal, and a port (RFC 3986, 3.2.2) with no escapes.
func goodHost(s []byte) bool {
	name := s
	if i := bytes.LastIndexByte(s, ':'); i >= 0 && bytes.IndexByte(s[i:], ']') < 0 {
		name = s[:i]
		if port := s[i+1:]; len(port) > 5 || !all(port, digitByte) {
			return false
		}
	}
	if len(name) > 2 && name[0] == '[' && name[len(name)-1] == ']' {
		name = name[1 : len(name)-1]
		addr, err := netip.ParseAddr(string(name))
		return all(name, literalByte) && err == nil && addr.Is6()
	}
	return len(name) > 0 && len(name) <= 255 && all(name, hostByte)
}

// hostAllowed compares without the port.
func hostAllowed(host []byte, hosts []string) bool {
	if len(hosts) == 0 {
		return true
	}
	if i := bytes.LastIndexByte(host, ':'); i >= 0 && bytes.IndexByte(host[i:], ']') < 0 {
		host = host[:i]
	}
	for _, name := range hosts {
		if isName(host, name) {
			return true
		}
	}
	return false
}

// Classes of bytes, as bits of a table.
const (
	tokenByte   uint8 = 1 << iota // RFC 9110, 5.6.2
	valueByte                     // of field values: no controls but the tab (RFC 9110, 5.5)
	pathByte                      // RFC 3986, 3.3, with the slash and the percent sign
	queryByte                     // all that is visible but the number sign: what clients send is not always escaped
	hostByte                      // of a registered name, without escapes
	literalByte                   // of an IPv6 address
	digitByte
	hexByte
)

var classes = func() (t [256]uint8) {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	const digits = "0123456789"
	mark := func(class uint8, set string) {
		for i := range len(set) {
			t[set[i]] |= class
		}
	}
	mark(tokenByte, letters+digits+"!#$%&'*+-.^_`|~")
	mark(pathByte, letters+digits+"-._~!$&'()*+,;=:@/%")
	mark(hostByte, letters+digits+"-._~")
	mark(literalByte, digits+"abcdefABCDEF:.")
	mark(digitByte, digits)
	mark(hexByte, digits+"abcdefABCDEF")
	mark(valueByte, "\t")
	for c := ' '; c <= 255; c++ {
		if c != 0x7f {
			t[c] |= valueByte
		}
		if ' ' < c && c < 0x7f && !strings.ContainsRune("#", c) {
			t[c] |= queryByte
		}
	}
	return t
}()

func is(c byte, class uint8) bool { return classes[c]&class != 0 }

// all looks at every byte, which is quicker than to stop at one: a head is mostly good.
func all(b []byte, class uint8) bool {
	for _, c := range b {
		class &= classes[c]
	}
	return class != 0
}
