package liveorigin

import (
	"net/http"
	"time"

	"go.k6.io/k6/v2/lib"
)

// Viewers of a VU share its connections, as many as they need at once. Those left idle are kept from one segment to the
// next, like players keep theirs; a fleet that had to connect for every segment would measure that.
const (
	idlePerEdge = 16_384
	idleMost    = 65_536
	idleFor     = 30 * time.Second
)

// newTransport makes a VU's transport of k6's own dialer and TLS configuration, so that the options hosts, dns,
// blacklistIPs, blockHostnames, localIPs, tlsAuth and so on mean what they mean for k6/http.
func newTransport(state *lib.State) *http.Transport {
	t := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            state.Dialer.DialContext,
		DisableCompression:     true,
		DisableKeepAlives:      state.Options.NoConnectionReuse.Bool,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           idleMost,
		MaxIdleConnsPerHost:    idlePerEdge,
		IdleConnTimeout:        idleFor,
		TLSHandshakeTimeout:    5 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		WriteBufferSize:        1 << 10, // a request is short, and there are as many buffers as viewers
	}
	if state.TLSConfig != nil {
		t.TLSClientConfig = state.TLSConfig.Clone()
	}
	return t
}

// userAgent is the option userAgent, or the name of this extension.
func userAgent(state *lib.State) string {
	if ua := state.Options.UserAgent; ua.Valid {
		return ua.String
	}
	return "xk6-liveorigin"
}
