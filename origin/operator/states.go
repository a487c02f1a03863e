package operator

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/control"
)

// StatesPath is where States is to be mounted, and where a Remote looks for it.
const StatesPath = "/states"

// What nodes and the control plane take from each other.
const (
	maxState = 4 << 20 // bytes: of an event with all the masks and invalidations it can have
	maxPage  = maxState
	maxPages = 256

	maxAnswer = 64 << 20 // bytes: that operators take
)

// States is how the control plane and the nodes talk, on a listener that nobody else can reach, with a token that all share:
//
//	POST /states    a state, which l is told of before 204 is answered: for nodes
//	GET  /states    an array of the states of d, by their events' names: for the control plane. When one answer does not take
//	                all, its Link leads to the next (RFC 8288)
//
// What is nil cannot be asked for.
func States(token string, l control.Listener, d origin.Directory) http.Handler {
	s := &states{NewTokens([]Token{{Secret: token}}), l, d, make(chan struct{}, maxInFlight)}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := s.answer(w, r); p != nil {
			p.write(w)
		}
	})
}

type states struct {
	tokens    Tokens
	listener  control.Listener
	directory origin.Directory
	room      chan struct{}
}

func (s *states) answer(w http.ResponseWriter, r *http.Request) *Problem {
	if _, ok := s.tokens.of(r); !ok {
		return problem(http.StatusUnauthorized, "this is for the origin's own nodes")
	}
	select {
	case s.room <- struct{}{}:
		defer func() { <-s.room }()
	default:
		return problem(http.StatusServiceUnavailable, "too many requests at once")
	}
	switch {
	case r.URL.Path != StatesPath:
		return problem(http.StatusNotFound, "")
	case r.Method == http.MethodPost && s.listener != nil:
		return s.hear(w, r)
	case r.Method == http.MethodGet && s.directory != nil:
		return s.tell(w, r)
	}
	return problem(http.StatusMethodNotAllowed, "")
}

func (s *states) hear(w http.ResponseWriter, r *http.Request) *Problem {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxState))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return problem(http.StatusRequestEntityTooLarge, "a state has at most "+strconv.Itoa(maxState)+" bytes")
	case err != nil:
		return problem(http.StatusBadRequest, "the body ended early")
	}
	var st origin.State
	if err := decode(body, &st); err != nil {
		return problem(http.StatusBadRequest, err.Error())
	}
	if err := s.listener.Apply(st); err != nil {
		return problem(http.StatusConflict, err.Error())
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *states) tell(w http.ResponseWriter, r *http.Request) *Problem {
	all, err := s.directory.Events(r.Context())
	if err != nil {
		return problem(http.StatusServiceUnavailable, err.Error())
	}
	slices.SortFunc(all, func(a, b origin.State) int { return strings.Compare(a.ID, b.ID) })
	after := r.URL.Query().Get("after")
	var page [][]byte
	size := len("[]")
	for i := range all {
		if all[i].ID <= after {
			continue
		}
		body, err := json.Marshal(all[i])
		if err != nil {
			panic(err) // nothing of ours cannot be written
		}
		if size += len(body) + len(","); size > maxPage && len(page) > 0 {
			w.Header().Set("Link", "<"+StatesPath+"?after="+all[i-1].ID+`>; rel="next"`) // a name needs no escapes
			break
		}
		page = append(page, body)
	}
	write(w, http.StatusOK, "application/json", slices.Concat([]byte("["), bytes.Join(page, []byte(",")), []byte("]")))
	return nil
}
