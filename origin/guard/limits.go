package guard

import (
	"crypto/tls"
	"log/slog"
	"time"
)

// Limits are what a listener holds its clients to. A zero field means the value that its comment begins with.
type Limits struct {
	Connections int // 16,384 open at once; more are answered 503 (with TLS, closed) and counted
	PerClient   int // Connections: how many of them one address may have (of IPv6, one /64)

	Target int // 8 KiB: bytes of a request's target
	Head   int // 16 KiB: bytes of a request line and its fields
	Fields int // 100 field lines

	HeadTime time.Duration // 10 s from the first byte of a head to its last, and for a TLS handshake
	// A body of announced length comes at BodyRate, 1 KiB a second, over any BodyWindow, 10 s, and a publication's
	// over any PublishWindow, 2 s, which is all the time that a packager has for its tries; none takes longer than
	// BodyTime, 10 s. Only time counts in which this side waits for the sender. A chunked body has no length to be
	// late for: it may pause for ChunkIdle, 30 s.
	BodyRate      int
	BodyWindow    time.Duration
	PublishWindow time.Duration
	BodyTime      time.Duration
	ChunkIdle     time.Duration
	WriteTime     time.Duration // 30 s for one write, where net/http has set no limit to the answer as a whole

	Idle time.Duration // 75 s for the next request after one that Refuse answered; net/http has its own

	Requests  int // 10,000 on one connection; the last one's answer says close
	Pipelined int // 1,000 in a row that came before the answer to the one before; the last one's answer says close

	// Refuse, if not nil, is shown the target of a plain GET: of HTTP/1.1, alone, with no body, and no field that says how it
	// is to be treated (Connection but for keep-alive, Expect, Upgrade, Purpose, Sec-Purpose, Traceparent). It may return a
	// whole answer, which must not change any more: then net/http, and whatever is in front of its handlers, never hears of the
	// request. It returns nil for those that are theirs. It is not asked where Hosts are given.
	Refuse func(target []byte) (answer []byte)

	// Hosts are the names, without ports, that requests may be for; others are answered 421. None allows any.
	Hosts []string
	// TLS makes the listener speak TLS; HTTP/2 where NextProtos has it.
	TLS *tls.Config
	// Logger is told of at most one refusal a second of each kind; nil for none.
	Logger *slog.Logger
}

func (l Limits) withDefaults() Limits {
	or(&l.Connections, 16384)
	or(&l.PerClient, l.Connections)
	or(&l.Target, 8<<10)
	or(&l.Head, 16<<10)
	or(&l.Fields, 100)
	or(&l.HeadTime, 10*time.Second)
	or(&l.BodyRate, 1<<10)
	or(&l.BodyWindow, 10*time.Second)
	or(&l.PublishWindow, 2*time.Second)
	or(&l.BodyTime, 10*time.Second)
	or(&l.ChunkIdle, 30*time.Second)
	or(&l.WriteTime, 30*time.Second)
	or(&l.Idle, 75*time.Second)
	or(&l.Requests, 10_000)
	or(&l.Pipelined, 1_000)
	return l
}

func or[T int | time.Duration](p *T, otherwise T) {
	if *p <= 0 {
		*p = otherwise
	}
}
