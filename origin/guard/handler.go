package guard

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
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
		srv.HTTP2 = &http.HTTP2Config{
			MaxConcurrentStreams: 128, // resets do not make room for more: net/http queues at most as many handlers
			SendPingTimeout:      15 * time.Second,
			PingTimeout:          15 * time.Second,
			WriteByteTimeout:     l.limits.WriteTime,
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
	srv.Handler = &protected{srv.Handler, l}
}

type connKey struct{}

// protected is a handler behind the guard.
type protected struct {
	handler http.Handler
	l       *Listener
}

func (p *protected) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	why := None
	if r.ProtoMajor >= 2 {
		why = p.l.vetFramed(r)
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = &pacedBody{r.Body, http.NewResponseController(w), p.l.limits.ChunkIdle}
		}
	} else if c, ok := r.Context().Value(connKey{}).(*Conn); ok && c.exhausted.Load() {
		w.Header().Set("Connection", "close")
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

// begun remembers whether an answer has begun.
type begun struct {
	http.ResponseWriter
	yes bool
}

// WriteHeader implements http.ResponseWriter. Interim answers, as 103, are none.
func (w *begun) WriteHeader(status int) {
	w.yes = w.yes || status >= http.StatusOK
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *begun) Write(b []byte) (int, error) {
	w.yes = true
	return w.ResponseWriter.Write(b)
}

// ReadFrom implements io.ReaderFrom, with net/http's own buffers.
func (w *begun) ReadFrom(r io.Reader) (int64, error) {
	w.yes = true
	return io.Copy(w.ResponseWriter, r)
}

// Flush implements http.Flusher.
func (w *begun) Flush() {
	w.yes = true
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
