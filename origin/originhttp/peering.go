package originhttp

import (
	"net/http"
	"strconv"
	"sync/atomic"

	"github.com/liveorigin/liveorigin/origin"
)

// announcementsPath is where a node hears of candidates, and, with an event's name behind it, tells what it knows.
const announcementsPath = "/announcements"

// Peering is how the nodes of a region talk to each other, on a listener of its own that nobody else can reach:
//
//	POST /announcements            an array of announcements, which p is told one by one before 204 is answered
//	GET  /announcements/{event}    what known says of an event: for a node that starts
//
// Limits.Body is 1 MiB when zero, and Limits.InFlight 64 MiB.
func Peering(p origin.Peer, known func(event string) []origin.Announcement, l Limits) http.Handler {
	if l.Body <= 0 {
		l.Body = 1 << 20
	}
	if l.InFlight <= 0 {
		l.InFlight = 64 << 20
	}
	h := &peering{peer: p, known: known, limits: l}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+announcementsPath, h.hear)
	mux.HandleFunc("GET "+announcementsPath+"/{event}", h.tell)
	return mux
}

type peering struct {
	peer     origin.Peer
	known    func(event string) []origin.Announcement
	limits   Limits
	inFlight atomic.Int64 // bytes
}

func (h *peering) hear(w http.ResponseWriter, r *http.Request) {
	defer h.inFlight.Add(-h.limits.Body)
	if h.inFlight.Add(h.limits.Body) > h.limits.InFlight {
		closeWith(w, http.StatusServiceUnavailable, "too many bodies at once")
		return
	}
	body, ref := readBody(r, r.Body, h.limits.Body)
	if ref != nil {
		ref.write(w)
		return
	}
	all, err := parseAnnouncements(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	for _, a := range all {
		h.peer.Announce(a)
	}
	w.WriteHeader(http.StatusNoContent)
}

func (h *peering) tell(w http.ResponseWriter, r *http.Request) {
	event := r.PathValue("event")
	if !origin.ValidName(event) {
		http.Error(w, "not the name of an event", http.StatusBadRequest)
		return
	}
	body := marshalAnnouncements(h.known(event))
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // who does not want the rest has gone
}
