package operator

import (
	_ "embed"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/control"
)

//go:embed openapi.yaml
var openAPI []byte

// Config is what the operator API needs.
type Config struct {
	Service *control.Service
	Tokens  func() Tokens // those that are known now
	Clock   origin.Clock  // tells the phases of events
}

// What the API takes on.
const (
	maxBody     = 64 << 10 // bytes; 64 renditions have 20 KiB
	maxInFlight = 32       // requests; more are told to come back
)

// api answers operators.
type api struct {
	Config
	room chan struct{}
	mux  *http.ServeMux
}

// New is the operator API, for a listener that only operators reach. It wants a server with limits on headers and on time
// around it, as originhttp.NewServer gives.
func New(c Config) http.Handler {
	a := &api{Config: c, room: make(chan struct{}, maxInFlight), mux: http.NewServeMux()}
	byPath := map[string][]route{}
	for _, r := range routes {
		byPath[r.path] = append(byPath[r.path], r)
	}
	for path, rs := range byPath {
		a.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { a.dispatch(w, r, rs) })
	}
	a.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		problem(http.StatusNotFound, "see /openapi.yaml for what there is").write(w)
	})
	return a
}

// ServeHTTP lets in who is known.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/openapi.yaml" && r.Method == http.MethodGet {
		w.Header().Set("Content-Type", "application/yaml")
		_, _ = w.Write(openAPI) // who does not want it has gone
		return
	}
	who, ok := a.Tokens().of(r)
	switch {
	case !ok:
		problem(http.StatusUnauthorized, "send a token that is known here: Authorization: Bearer ...").write(w)
		return
	case who.ReadOnly && r.Method != http.MethodGet:
		problem(http.StatusForbidden, who.Name+" may only look").write(w)
		return
	}
	select {
	case a.room <- struct{}{}:
		defer func() { <-a.room }()
	default:
		problem(http.StatusServiceUnavailable, "too many requests at once").write(w)
		return
	}
	a.mux.ServeHTTP(w, r.WithContext(withName(r.Context(), who.Name)))
}

// dispatch finds the route of a method.
func (a *api) dispatch(w http.ResponseWriter, r *http.Request, rs []route) {
	at := slices.IndexFunc(rs, func(one route) bool { return one.method == r.Method })
	if at < 0 {
		for _, one := range rs {
			w.Header().Add("Allow", one.method)
		}
		problem(http.StatusMethodNotAllowed, "").write(w)
		return
	}
	for _, name := range []string{"event", "id"} {
		if v := r.PathValue(name); v != "" && !origin.ValidName(v) {
			problem(http.StatusBadRequest, strconv.Quote(v)+" is no name: 1 to 64 of A-Z a-z 0-9 . _ - and no dot at the beginning").write(w)
			return
		}
	}
	if show := rs[at].show; show != nil {
		a.show(w, r, show)
		return
	}
	a.change(w, r, &rs[at])
}

// change does what a request asks for.
func (a *api) change(w http.ResponseWriter, r *http.Request, at *route) {
	o, p := a.operation(w, r, at)
	if p != nil {
		p.write(w)
		return
	}
	res, err := a.Service.Do(r.Context(), nameOf(r.Context()), o)
	if err != nil {
		problemOf(err).write(w)
		return
	}
	status := http.StatusOK
	if _, creates := o.Do.(control.Create); creates && !res.Repeated {
		status = http.StatusCreated
	}
	answer := Answer{Shown: a.shown(res.State), Repeated: res.Repeated, Untold: res.Untold}
	w.Header().Set("Etag", etag(res.State.Version))
	writeJSON(w, status, "application/json", answer)
}

// operation reads a request.
func (a *api) operation(w http.ResponseWriter, r *http.Request, at *route) (o control.Operation, p *Problem) {
	o.Event = r.PathValue("event")
	if o.ID, p = key(r, at.needsKey); p != nil {
		return o, p
	}
	if o.If, p = condition(r); p != nil {
		return o, p
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); {
	case errors.As(err, &tooLarge):
		return o, problem(http.StatusRequestEntityTooLarge, "a body has at most "+strconv.Itoa(maxBody)+" bytes")
	case err != nil:
		return o, problem(http.StatusBadRequest, "the body ended early")
	case len(body) > 0 && mediaType != "application/json":
		return o, problem(http.StatusUnsupportedMediaType, "send application/json")
	}
	if o.Do, err = at.read(r.PathValue("id"), body); err != nil {
		return o, problem(http.StatusBadRequest, err.Error())
	}
	return o, nil
}

// key reads the Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): a string, quoted or not, that can be a name.
func key(r *http.Request, needed bool) (string, *Problem) {
	values := r.Header.Values("Idempotency-Key")
	switch {
	case len(values) == 0 && needed:
		return "", problem(http.StatusBadRequest, "this needs an Idempotency-Key: done twice, it is something else than done once")
	case len(values) == 0:
		return "", nil
	}
	name := strings.Trim(values[0], `"`)
	if len(values) > 1 || !origin.ValidName(name) {
		return "", problem(http.StatusBadRequest, "the Idempotency-Key has 1 to 64 of A-Z a-z 0-9 . _ - and no dot at the beginning")
	}
	return name, nil
}

// condition reads If-Match (RFC 9110, 13.1.1): one version's ETag.
func condition(r *http.Request) (int64, *Problem) {
	values := r.Header.Values("If-Match")
	if len(values) == 0 {
		return 0, nil
	}
	n, err := strconv.ParseInt(strings.Trim(values[0], `"`), 10, 64)
	if len(values) > 1 || err != nil || n < 1 || values[0] != etag(n) {
		return 0, problem(http.StatusBadRequest, `If-Match has one version's ETag here, as "7"`)
	}
	return n, nil
}

func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }
