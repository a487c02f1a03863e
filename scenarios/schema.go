package scenarios

import (
	"bytes"
	"encoding/json"

	"github.com/liveorigin/liveorigin/scenarios/strictyaml"
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

// jsonOf is a value as encoding/json would have read it.
func jsonOf(n *strictyaml.Node) any {
	switch n.Shape {
	case strictyaml.Mapping:
		m := map[string]any{}
		for _, e := range n.Entries {
			m[e.Key] = jsonOf(e.Value)
		}
		return m
	case strictyaml.List:
		l := []any{}
		for _, i := range n.Items {
			l = append(l, jsonOf(i))
		}
		return l
	case strictyaml.Scalar:
		switch {
		case !n.Quoted && plainNumber.MatchString(n.Text):
			return json.Number(n.Text)
		case !n.Quoted && (n.Text == "true" || n.Text == "false"):
			return n.Text == "true"
		}
		return n.Text
	}
	return nil
}
