package operator

import (
	"context"
	"net/http"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/control"
)

// Shown is an event as operators see it.
type Shown struct {
	State origin.State `json:"state"`
	Phase origin.Phase `json:"phase"`
}

// Events is the answer to GET /events.
type Events struct {
	Events []Shown `json:"events"`
}

// Answer is what came of an operation.
type Answer struct {
	Shown
	Repeated bool             `json:"repeated"` // it was so already
	Untold   []control.Untold `json:"untold,omitempty"`
}

func (a *api) shown(s origin.State) Shown {
	s.Operations = nil // they are for the control plane
	return Shown{s, s.Phase(a.Clock.Now())}
}

// list answers GET /events.
func (a *api) list(w http.ResponseWriter, r *http.Request) {
	states, err := a.Service.List(r.Context())
	if err != nil {
		problemOf(err).write(w)
		return
	}
	all := Events{make([]Shown, len(states))}
	for i, s := range states {
		all.Events[i] = a.shown(s)
	}
	writeJSON(w, http.StatusOK, "application/json", all)
}

// show answers what only looks at one event, or at all.
func (a *api) show(w http.ResponseWriter, r *http.Request, part func(*Shown) any) {
	if r.PathValue("event") == "" {
		a.list(w, r)
		return
	}
	s, err := a.Service.Show(r.Context(), r.PathValue("event"))
	if err != nil {
		problemOf(err).write(w)
		return
	}
	shown := a.shown(s)
	w.Header().Set("Etag", etag(s.Version))
	writeJSON(w, http.StatusOK, "application/json", part(&shown))
}

// nameKey is where a request's context has the name of who asks.
type nameKey struct{}

func withName(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, nameKey{}, name)
}

func nameOf(ctx context.Context) string { name, _ := ctx.Value(nameKey{}).(string); return name }
