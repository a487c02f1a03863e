package operator

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"

	"github.com/liveorigin/liveorigin/origin/fresh"
	"github.com/liveorigin/liveorigin/origin/secrets"
)

// Token is a secret by which an operator is known.
type Token struct {
	Name     string // who, in the audit
	Secret   string
	ReadOnly bool
}

// What a file of tokens may have.
const (
	minSecret = 16 // bytes
	maxSecret = 256
	maxTokens = 1000
	maxBytes  = 1 << 20
)

// ReadTokens reads a file of tokens, one a line: name, secret, and the word read-only for who may only look. Empty lines
// and those that begin with # are nobody's. What is larger than a MiB is refused whole: nobody's token is lost unnoticed.
func ReadTokens(from io.Reader) ([]Token, error) {
	text, err := secrets.ReadAll(from, maxBytes)
	if err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	var all []Token
	names := map[string]bool{}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		t, err := parseToken(strings.Fields(line))
		switch {
		case err != nil:
			return nil, fmt.Errorf("tokens, line %d: %w", n, err)
		case names[t.Name]:
			return nil, fmt.Errorf("tokens, line %d: %s has one already", n, t.Name)
		case len(all) == maxTokens:
			return nil, fmt.Errorf("tokens, line %d: more than %d", n, maxTokens)
		}
		names[t.Name] = true
		all = append(all, t)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("tokens: there are none, so nobody could do anything")
	}
	return all, nil
}

// parseToken never says what the secret is.
func parseToken(words []string) (Token, error) {
	if len(words) != 2 && (len(words) != 3 || words[2] != "read-only") {
		return Token{}, fmt.Errorf("need a name, a secret, and perhaps the word read-only")
	}
	t := Token{Name: words[0], Secret: words[1], ReadOnly: len(words) == 3}
	if len(t.Secret) < minSecret || len(t.Secret) > maxSecret {
		return Token{}, fmt.Errorf("the secret of %s has %d bytes; %d to %d are taken", t.Name, len(t.Secret), minSecret, maxSecret)
	}
	return t, nil
}

// Tokens finds who has a secret. What is compared has one length, and all are, so that the time tells nothing.
type Tokens []struct {
	Token
	digest [sha256.Size]byte
}

// NewTokens makes them ready to be compared with.
func NewTokens(all []Token) Tokens {
	ts := make(Tokens, len(all))
	for i, t := range all {
		ts[i].Token, ts[i].digest = t, sha256.Sum256([]byte(t.Secret))
	}
	return ts
}

// Now is for tokens that do not change.
func (ts Tokens) Now() Tokens { return ts }

// LoadTokens reads a file of tokens as ReadTokens does, and gives those that it has whenever it is asked. A change that cannot
// be used is logged, and what was there stays.
func LoadTokens(file string, logger *slog.Logger) (now func() Tokens, err error) {
	read := func() (Tokens, error) {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		all, err := ReadTokens(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		return NewTokens(all), nil
	}
	report := func(err error) {
		logger.Error("operators' tokens not reloaded; those before stay in use", "error", err)
	}
	current, err := fresh.Read(read, report, file)
	if err != nil {
		return nil, err
	}
	return current.Now, nil
}

// of finds the token of a request (RFC 6750, section 2.1).
func (ts Tokens) of(r *http.Request) (found Token, ok bool) {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || secret == "" {
		return Token{}, false
	}
	digest := sha256.Sum256([]byte(secret))
	for i := range ts {
		if subtle.ConstantTimeCompare(ts[i].digest[:], digest[:]) == 1 {
			found, ok = ts[i].Token, true
		}
	}
	return found, ok
}
