package metrics

import (
	"context"
	"errors"
	"log/slog"

	"github.com/liveorigin/liveorigin/origin"
)

// LogRefusals is the node as a Getter that tells a logger, whose handler is best a Log, of every answer that is not the
// clean segment: what the node is to blame for as a warning, what operators might want to know of as information, and
// what any stranger can make happen for debugging only.
func LogRefusals(n *origin.Node, log *slog.Logger) origin.Getter {
	limited, _ := log.Handler().(*Log)
	return &refusals{n, log, limited}
}

type refusals struct {
	node    *origin.Node
	log     *slog.Logger
	limited *Log // its handler, if it is one
}

// refusalLevels is for what is not only for debugging.
var refusalLevels = map[origin.Reason]slog.Level{
	origin.StoreFailed: slog.LevelWarn, origin.TooManyHolders: slog.LevelWarn, origin.Overloaded: slog.LevelWarn,
	origin.Defective: slog.LevelInfo, origin.Gap: slog.LevelInfo, origin.Masked: slog.LevelInfo, origin.NoHeader: slog.LevelInfo,
}

const answered = "answered "

// Get implements origin.Getter.
func (r *refusals) Get(ctx context.Context, req origin.Request) (resp origin.Response, err error) {
	resp, err = r.node.Get(ctx, req)
	r.tellOf(ctx, req, &resp, err)
	return resp, err
}

// Refused is the node's: what it refuses from memory is told of as what it refuses otherwise.
func (r *refusals) Refused(req origin.Request) (origin.Refusal, bool) {
	refusal, ok := r.node.Refused(req)
	if ok && !r.swallowed(&refusal) {
		r.tellOf(context.Background(), req, &origin.Response{Reason: refusal.Reason}, nil)
	}
	return refusal, ok
}

// swallowed says whether a line about a refusal was, before it was made: in a storm most that there is to tell is that admission
// refuses.
func (r *refusals) swallowed(refusal *origin.Refusal) bool {
	const message = answered + string(origin.Overloaded)
	return refusal.Reason == origin.Overloaded && r.limited != nil &&
		r.limited.Quiet(refusal.At, slog.LevelWarn, message, string(refusal.Class))
}

// tellOf tells of an answer that is worth it.
func (r *refusals) tellOf(ctx context.Context, req origin.Request, resp *origin.Response, err error) {
	if level, ok := worth(resp, err); ok && r.log.Enabled(ctx, level) {
		r.tell(ctx, level, req, resp, err)
	}
}

// worth says whether an answer is worth a line, and of which level. A client that leaves is none.
func worth(resp *origin.Response, err error) (slog.Level, bool) {
	switch level, ok := refusalLevels[resp.Reason]; {
	case err != nil:
		return slog.LevelWarn, !errors.Is(err, context.Canceled)
	case ok:
		return level, true
	}
	return slog.LevelDebug, resp.Reason != origin.Published
}

func (r *refusals) tell(ctx context.Context, level slog.Level, req origin.Request, resp *origin.Response, err error) {
	class := origin.Class("")
	if ev, ok := r.node.Event(req.Event); ok {
		class = ev.ClassOf(req, r.node.Runtime.Now())
	}
	attrs := []slog.Attr{
		slog.String(ClassKey, string(class)), slog.String("event", req.Event), slog.String("rendition", req.Rendition),
		slog.Int64("number", int64(req.Number)),
	}
	message := "no answer"
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	} else {
		message = answered + string(resp.Reason)
		attrs = append(attrs, slog.String("reason", string(resp.Reason)), slog.Int("status", resp.Reason.Status()))
	}
	if resp.Defects != 0 {
		attrs = append(attrs, slog.String("pipeline", resp.Pipeline), slog.String("defects", resp.Defects.String()))
	}
	r.log.LogAttrs(ctx, level, message, append(attrs, TraceAttrs(ctx)...)...)
}
