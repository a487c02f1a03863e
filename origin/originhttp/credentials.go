package originhttp

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/fresh"
)

// Credentials tell whose pipeline a request is: by a bearer token (RFC 6750), or by the client certificate that the
// server has verified, whose common name or one of whose DNS names is the pipeline's name. A nil *Credentials asks for
// nothing.
type Credentials struct {
	tokens       func() []secret
	certificates bool
}

// secret is a token as it is kept: its digest, so that all are compared in the same time whatever they are.
type secret struct {
	grant
	sum [sha256.Size]byte
}

// grant is for whom credentials speak: a pipeline, in one event or, if none is named, in all.
type grant struct{ event, pipeline string }

// shortestToken is how many bytes keep a token from being guessed; the longest is what fits into a header anyway.
const (
	shortestToken = 16
	longestToken  = 512
)

// NewCredentials makes credentials of the pipelines' tokens, and says whether certificates are good as well. A token is
// that of a pipeline, "a", or of a pipeline in one event, "final/a". Whoever has a token that several share speaks for all of
// them. Errors name a pipeline, never its token.
func NewCredentials(tokens map[string]string, certificates bool) (*Credentials, error) {
	all, err := secretsOf(tokens)
	return &Credentials{tokens: func() []secret { return all }, certificates: certificates}, err
}

// LoadCredentials is NewCredentials with the tokens of a file (ReadTokens), which is read again when it changes: a token that
// is not in it any more is not taken any more, but for uploads that it has let begin. A change that cannot be used is logged,
// and what was there stays.
func LoadCredentials(file string, certificates bool, logger *slog.Logger) (*Credentials, error) {
	read := func() ([]secret, error) {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		tokens, err := ReadTokens(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		return secretsOf(tokens)
	}
	report := func(err error) { logger.Error("tokens not reloaded; those before stay in use", "error", err) }
	current, err := fresh.Read(read, report, file)
	if err != nil {
		return nil, err
	}
	return &Credentials{tokens: current.Now, certificates: certificates}, nil
}

func secretsOf(tokens map[string]string) (all []secret, err error) {
	for name, token := range tokens { // any order: sorted below
		event, pipeline, one := strings.Cut(name, "/")
		if !one {
			event, pipeline = "", name
		}
		if !origin.ValidName(pipeline) || one && !origin.ValidName(event) {
			return nil, fmt.Errorf("credentials: %q is not the name of a pipeline, or of an event and a pipeline: final/a", name)
		}
		if !isToken68(token) || len(token) < shortestToken || len(token) > longestToken {
			return nil, fmt.Errorf("credentials: %s: a token is %d to %d of A-Z a-z 0-9 - . _ ~ + /, and = at the end",
				name, shortestToken, longestToken)
		}
		all = append(all, secret{grant{event, pipeline}, sha256.Sum256([]byte(token))})
	}
	slices.SortFunc(all, func(a, b secret) int {
		return cmp.Or(cmp.Compare(a.pipeline, b.pipeline), cmp.Compare(a.event, b.event))
	})
	return all, nil
}

// ReadTokens reads the pipelines' tokens: a JSON object, {"a": "token of a", "final/b": "token of b in one event"}, of at most
// 1 MiB.
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

// grants lists for whom a request can speak; nil where nobody is asked for credentials, and a refusal for who has none that
// are known.
func (c *Credentials) grants(r *http.Request) (theirs []grant, ref *refusal) {
	if c == nil {
		return nil, nil
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		sum := sha256.Sum256([]byte(strings.TrimLeft(token, " ")))
		for _, s := range c.tokens() {
			if subtle.ConstantTimeCompare(sum[:], s.sum[:]) == 1 {
				theirs = append(theirs, s.grant)
			}
		}
	}
	if c.certificates && r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		leaf := r.TLS.VerifiedChains[0][0]
		for _, name := range append([]string{leaf.Subject.CommonName}, leaf.DNSNames...) {
			if origin.ValidName(name) {
				theirs = append(theirs, grant{pipeline: name})
			}
		}
	}
	if len(theirs) == 0 {
		return nil, &refusal{status: http.StatusUnauthorized, text: "publishing needs a pipeline's token or certificate"}
	}
	return theirs, nil
}

// pipelines are those of the grants that are good in an event; nil where nobody is asked for credentials.
func pipelines(theirs []grant, event string) []string {
	if theirs == nil {
		return nil
	}
	names := []string{}
	for _, g := range theirs {
		if (g.event == "" || g.event == event) && !slices.Contains(names, g.pipeline) {
			names = append(names, g.pipeline)
		}
	}
	return names
}
