package originhttp

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/liveorigin/liveorigin/origin"
)

// Credentials tell whose pipeline a request is: by a bearer token (RFC 6750), or by the client certificate that the
// server has verified, whose common name or one of whose DNS names is the pipeline's name. A nil *Credentials asks for
// nothing.
type Credentials struct {
	tokens       []secret
	certificates bool
}

// secret is a token as it is kept: its digest, so that all are compared in the same time whatever they are.
type secret struct {
	pipeline string
	sum      [sha256.Size]byte
}

// shortestToken is how many bytes keep a token from being guessed; the longest is what fits into a header anyway.
const (
	shortestToken = 16
	longestToken  = 512
)

// NewCredentials makes credentials of the pipelines' tokens, and says whether certificates are good as well. Whoever has
// a token that several pipelines share speaks for all of them. Errors name a pipeline, never its token.
func NewCredentials(tokens map[string]string, certificates bool) (*Credentials, error) {
	c := &Credentials{certificates: certificates}
	for pipeline, token := range tokens { // any order: sorted below
		if !origin.ValidName(pipeline) {
			return nil, fmt.Errorf("credentials: %q is not the name of a pipeline", pipeline)
		}
		if !isToken68(token) || len(token) < shortestToken || len(token) > longestToken {
			return nil, fmt.Errorf("credentials: pipeline %s: a token is %d to %d of A-Z a-z 0-9 - . _ ~ + /, and = at the end",
				pipeline, shortestToken, longestToken)
		}
		c.tokens = append(c.tokens, secret{pipeline, sha256.Sum256([]byte(token))})
	}
	slices.SortFunc(c.tokens, func(a, b secret) int { return cmp.Compare(a.pipeline, b.pipeline) })
	return c, nil
}

// ReadTokens reads the pipelines' tokens: a JSON object, {"a": "token of a", "b": "token of b"}, of at most 1 MiB.
func ReadTokens(r io.Reader) (map[string]string, error) {
	var tokens map[string]string
	d := json.NewDecoder(io.LimitReader(r, 1<<20))
	if err := d.Decode(&tokens); err != nil {
		return nil, fmt.Errorf("read tokens: want a JSON object of pipelines and their tokens: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("read tokens: there is something behind the JSON object")
	}
	return tokens, nil
}

// isToken68 says whether s is as RFC 9110, 11.2 wants what stands behind a scheme.
func isToken68(s string) bool {
	s = strings.TrimRight(s, "=")
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._~+/", r)
	})
}

// pipelines lists for whom a request can speak; nil where nobody is asked for credentials, and a refusal for who has
// none that are known.
func (c *Credentials) pipelines(r *http.Request) (theirs []string, ref *refusal) {
	if c == nil {
		return nil, nil
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		sum := sha256.Sum256([]byte(strings.TrimLeft(token, " ")))
		for i := range c.tokens {
			if subtle.ConstantTimeCompare(sum[:], c.tokens[i].sum[:]) == 1 {
				theirs = append(theirs, c.tokens[i].pipeline)
			}
		}
	}
	if c.certificates && r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		leaf := r.TLS.VerifiedChains[0][0]
		for _, name := range append([]string{leaf.Subject.CommonName}, leaf.DNSNames...) {
			if origin.ValidName(name) && !slices.Contains(theirs, name) {
				theirs = append(theirs, name)
			}
		}
	}
	if len(theirs) == 0 {
		return nil, &refusal{status: http.StatusUnauthorized, text: "publishing needs a pipeline's token or certificate"}
	}
	return theirs, nil
}
