package guard

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"
)

// Protect sets a server up to be served from this listener: what net/http has to know of TLS and HTTP/2, and what only
// a handler can do.
//
// A panic ends its own request: with a 500 if no answer has begun, else by cutting the answer off. HTTP/2 comes framed,
// so there is nothing to smuggle; what else its heads may be is checked here.
func (l *Listener) Protect(srv *http.Server) {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	if l.limits.TLS != nil {
		_, h2 := l.Secure()
		protocols.SetHTTP2(h2)
		srv.TLSConfig = l.limits.TLS
		if srv.HTTP2 == nil {
			srv.HTTP2 = new(http.HTTP2Config)
		}
		srv.HTTP2.MaxConcurrentStreams = 128 // and as many handlers: streams that are reset make no room for more of them
		srv.HTTP2.SendPingTimeout, srv.HTTP2.PingTimeout = 15*time.Second, 15*time.Second
		srv.HTTP2.WriteByteTimeout = l.limits.WriteTime // while the connection takes nothing; of one stream, see begun
		srv.HTTP2.CountError = func(kind string) {
			if !innocent(kind) {
				l.tally.http2Errors.Add(1)
			}
		}
	}
	srv.Protocols = protocols
	srv.MaxHeaderBytes = l.limits.Head
	srv.DisableGeneralOptionsHandler = true
	next := srv.ConnContext
	srv.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		if next != nil {
			ctx = next(ctx, conn)
		}
		switch c := conn.(type) {
		case *Conn:
			return context.WithValue(ctx, connKey{}, c)
		case overTLS:
			return context.WithValue(ctx, connKey{}, c.Conn)
		}
		return ctx
	}
	srv.Handler = &protected{srv.Handler, l, srv.WriteTimeout}
}

// innocent says of a kind of error of HTTP/2 that nobody needs to have done anything wrong: a client's network is gone, or what
// it sent crossed the end of its stream.
func innocent(kind string) bool {
	return kind == "conn_close_lost_ping" || strings.HasSuffix(kind, "stream_closed_closed")
}

type connKey struct{}

// protected is a handler behind the guard.
type protected struct {
	handler http.Handler
	l       *Listener
	within  time.Duration // of net/http, for a whole answer; zero is for ever
}

func (p *protected) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	why := None
	if r.ProtoMajor >= 2 {
		why = p.l.vetFramed(r)
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = &pacedBody{r.Body, http.NewResponseController(w), p.l.limits.ChunkIdle}
		}
	} else if c, ok := r.Context().Value(connKey{}).(*Conn); ok {
		if c.served++; c.isLast() {
			w.Header().Set("Connection", "close")
		}
	}
	if why == None {
		why = p.l.vet(r)
	}
	if why != None {
		p.l.tally.refuse(why, address(r.RemoteAddr))
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, said[why].text, why.Status())
		return
	}
	out := &begun{ResponseWriter: w}
	if r.ProtoMajor >= 2 && p.within == 0 {
		out.pace = p.l.limits.WriteTime
	}
	defer p.rescue(out, r)
	p.handler.ServeHTTP(out, r)
}

// address is a net.Addr as a Request has it.
type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }

// rescue turns a panic into an answer, or into the lack of one.
func (p *protected) rescue(w *begun, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler { //nolint:errorlint // it is compared like this in net/http, too
		panic(v)
	}
	count := p.l.tally.panics.Add(1)
	if logger := p.l.limits.Logger; logger != nil && p.l.tally.mayLog(None) {
		logger.LogAttrs(r.Context(), slog.LevelError, "panic", slog.String("method", r.Method),
			slog.String("path", r.URL.Path), slog.Any("value", v), slog.Uint64("so_far", count),
			slog.String("stack", string(debug.Stack())))
	}
	if w.yes {
		panic(http.ErrAbortHandler) // so that nothing half-written is taken for an answer
	}
	clear(w.Header())
	http.Error(w.ResponseWriter, "internal error", http.StatusInternalServerError)
}

// begun remembers whether an answer has begun. Each of its writes has the time to go out that pace says, if it is not zero:
// over HTTP/2 a client can take none of an answer by giving it no window, on a connection that is in the best of health.
type begun struct {
	http.ResponseWriter
	yes  bool
	pace time.Duration
}

func (w *begun) begin() {
	w.yes = true
	if w.pace > 0 {
		_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(w.pace)) // what is wrong with it is wrong with Write
	}
}

// WriteHeader implements http.ResponseWriter. Interim answers, as 103, are none.
func (w *begun) WriteHeader(status int) {
	if status >= http.StatusOK {
		w.begin()
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *begun) Write(b []byte) (int, error) {
	w.begin()
	return w.ResponseWriter.Write(b)
}

// ReadFrom implements io.ReaderFrom, with net/http's own buffers.
func (w *begun) ReadFrom(r io.Reader) (int64, error) {
	w.begin()
	return io.Copy(w.ResponseWriter, r)
}

// Flush implements http.Flusher.
func (w *begun) Flush() {
	w.begin()
	_ = http.NewResponseController(w.ResponseWriter).Flush() // the next Write has the error, too
}

// Unwrap is for http.ResponseController.
func (w *begun) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// pacedBody lets a body of HTTP/2 pause for so long and no longer.
type pacedBody struct {
	io.ReadCloser
	control *http.ResponseController
	idle    time.Duration
}

func (b *pacedBody) Read(p []byte) (int, error) {
	if err := b.control.SetReadDeadline(time.Now().Add(b.idle)); err != nil {
		return 0, err
	}
	return b.ReadCloser.Read(p)
}
