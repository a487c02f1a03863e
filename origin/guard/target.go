package guard

import (
	"bytes"
	"net/http"
	"strings"
)

// scanTarget takes the forms of a target that a method may have (RFC 9112, 3.2), and returns where in it the authority
// is, if it has one.
func scanTarget(method string, target []byte) (authority span, why Refusal) {
	switch {
	case method == http.MethodConnect:
		if !goodHost(target) {
			return span{}, BadTarget
		}
		return span{0, len(target)}, None
	case string(target) == "*" && method == http.MethodOptions:
		return span{}, None
	case len(target) > 0 && target[0] == '/':
		return span{}, scanPath(target)
	}
	from := 0
	switch {
	case len(target) > 7 && isName(target[:7], "http://"):
		from = 7
	case len(target) > 8 && isName(target[:8], "https://"):
		from = 8
	default:
		return span{}, BadTarget
	}
	slash := bytes.IndexByte(target[from:], '/')
	if slash < 0 || !goodHost(target[from:from+slash]) {
		return span{}, BadTarget
	}
	return span{from, from + slash}, scanPath(target[from+slash:])
}

// scanPath takes a path and a query. Of a query it takes what is visible: clients do not escape all they should.
func scanPath(target []byte) Refusal {
	path, query, _ := bytes.Cut(target, []byte{'?'})
	if !all(path, pathByte) || !all(query, queryByte) {
		return BadTarget
	}
	for {
		i := bytes.IndexByte(path, '%')
		if i < 0 {
			return None
		}
		if i+2 >= len(path) || !is(path[i+1], hexByte) || !is(path[i+2], hexByte) {
			return BadTarget
		}
		path = path[i+3:]
	}
}

func unhex(c byte) byte {
	switch {
	case digit(c):
		return c - '0'
	case 'a' <= c:
		return c - 'a' + 10
	}
	return c - 'A' + 10
}

// vet judges what a well-formed request is about; its connection may stay.
func (l *Listener) vet(r *http.Request) Refusal {
	switch {
	case !knownMethod(r.Method):
		return UnknownMethod
	case !hostAllowed([]byte(r.Host), l.limits.Hosts):
		return WrongHost
	case r.Method == http.MethodConnect || r.Method == http.MethodOptions && r.URL.Path == "*":
		return None
	}
	return vetPath(r.URL.Path)
}

// vetFramed judges what only HTTP/2 leaves to a handler.
func (l *Listener) vetFramed(r *http.Request) Refusal {
	fields := 0
	for _, values := range r.Header {
		fields += len(values)
	}
	switch {
	case fields > l.limits.Fields:
		return HeadTooLarge
	case len(r.RequestURI) > l.limits.Target:
		return TargetTooLong
	case !goodHost([]byte(r.Host)):
		return BadHost
	}
	return None
}

// knownMethod knows those of RFC 9110 section 9, and PATCH (RFC 5789).
func knownMethod(s string) bool {
	switch s {
	case "GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT":
		return true
	}
	return false
}

// vetPath refuses decoded paths that have a second spelling: controls, dot segments and empty ones. So nobody behind
// the guard has a reason to rewrite a path, or to redirect to another spelling of it.
func vetPath(path string) Refusal {
	if path == "" || path[0] != '/' {
		return BadTarget
	}
	if strings.Contains(path, "//") {
		return DotSegment
	}
	length, dots := 0, 0 // of the segment
	for i := 1; i < len(path); i++ {
		switch c := path[i]; {
		case c < ' ' || c == 0x7f:
			return BadTarget
		case c == '/' || c == '\\':
			if length == dots && dots <= 2 {
				return DotSegment
			}
			length, dots = 0, 0
			continue
		case c == '.':
			dots++
		}
		length++
	}
	if length > 0 && length == dots && dots <= 2 {
		return DotSegment
	}
	return None
}
