// Package guard vets HTTP/1 connections before net/http reads them: what it lets through has one meaning only.
//
//	accept ─> limits ─> TLS handshake ─┬─ h2 ──────────────────────────────────> net/http    framed, nothing to vet
//	                                   └─ HTTP/1 ─> Conn.Read ─────────────────> net/http
//	                                                 │ head: kept back until it is whole and vetted
//	                                                 │ body: handed through, counted, its pace watched
//	                                                 └ refusal: answered here, then closed
//
// Request smuggling needs two readers who disagree on where a request ends. So the guard follows the framing itself,
// and lets through only what RFC 9112 leaves no choice about: lines that end in CRLF, one Host, one of Content-Length
// and chunked, no folded lines, targets with one spelling. A Read never gives out bytes of two requests, and no byte of
// a head before its last. net/http then parses the same bytes as it always does.
//
// An answer of the guard's own comes in its turn: it is written when net/http asks for the next request, which it does
// after the answer to the one before.
//
// What Refuse answers never gets to net/http: on a TCP connection it costs one read and one write of the kernel's, made
// between two waits for the runtime's poller (see storm).
//
// And an answer that a crowd waits for can go past net/http on its way out (see Outright).
//
// There is no goroutine per connection, but for the time of a TLS handshake, and an idle connection holds no buffer.
package guard
