package scenarios

import (
	"bytes"
	"encoding/json"
)

// Schema is the JSON schema of scenario files (draft 2020-12), made from the tables that read them. Editors complete
// keys with it; what depends on other values, such as the names of regions, only Parse can check.
func Schema() []byte {
	f := &form{Scenario: &Scenario{}}
	s := section{f.keys()}.schema()
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "liveorigin scenario"
	s["description"] = "A run of a whole live video pipeline, and what breaks in it."
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		panic("scenarios: schema: " + err.Error()) // it is made of strings and numbers
	}
	return b.Bytes()
}

// json is a value as encoding/json would have read it.
func (n *node) json() any {
	switch n.shape {
	case mapping:
		m := map[string]any{}
		for _, e := range n.entries {
			m[e.key] = e.value.json()
		}
		return m
	case list:
		l := []any{}
		for _, i := range n.items {
			l = append(l, i.json())
		}
		return l
	case scalar:
		switch {
		case !n.quoted && plainNumber.MatchString(n.text):
			return json.Number(n.text)
		case !n.quoted && (n.text == "true" || n.text == "false"):
			return n.text == "true"
		}
		return n.text
	}
	return nil
}
