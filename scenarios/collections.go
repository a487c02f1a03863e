package scenarios

import "github.com/liveorigin/liveorigin/scenarios/strictyaml"

// section is a mapping with a table of keys.
type section struct{ keys keys }

func (s section) read(r *reader, path string, n *strictyaml.Node) { r.section(path, n, s.keys) }

func (s section) schema() schema {
	properties, required, either := schema{}, []string{}, []schema{}
	for _, k := range s.keys {
		p := k.is.schema()
		p["description"] = k.about
		if k.otherwise != "" {
			p["default"] = jsonOf(literal(k.otherwise, strictyaml.Position{}))
		}
		switch {
		case k.required && k.unless != "":
			either = append(either, schema{"required": []string{k.name}}, schema{"required": []string{k.unless}})
		case k.required:
			required = append(required, k.name)
		}
		properties[k.name] = p
	}
	out := schema{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		out["required"] = required
	}
	if len(either) > 0 {
		out["oneOf"] = either
	}
	return out
}

// named is a mapping whose keys the scenario chooses; their order is kept. one reads the value of a name.
type named struct {
	what        string
	least, most int
	one         func(name string) value
}

func (m named) read(r *reader, path string, n *strictyaml.Node) {
	if !r.is(path, n, strictyaml.Mapping) {
		return
	}
	if len(n.Entries) < m.least || len(n.Entries) > m.most {
		r.add(n.At, path, "%d %ss; a scenario has %d to %d", len(n.Entries), m.what, m.least, m.most)
	}
	for _, e := range n.Entries {
		p := join(path, e.Key)
		r.enter(p, place{key: e.At, value: e.Value.At})
		if wrong := badName(e.Key); wrong != "" {
			r.problemOfKey(p, "%s: %s", m.what, wrong)
		}
		if e.Value.Shape == strictyaml.Empty {
			r.problem(p, "%s", strictyaml.IsEmpty(p))
			continue
		}
		m.one(e.Key).read(r, p, e.Value)
	}
}

func (m named) schema() schema {
	return schema{
		"type": "object", "minProperties": m.least, "maxProperties": m.most,
		"propertyNames":        schema{"pattern": namePattern, "maxLength": 63},
		"additionalProperties": m.one("").schema(),
	}
}

// sequence is a list; one reads an item of it.
type sequence struct {
	most int
	one  func() value
}

func (s sequence) read(r *reader, path string, n *strictyaml.Node) {
	if !r.is(path, n, strictyaml.List) {
		return
	}
	if len(n.Items) > s.most {
		r.add(n.At, path, "%d items in %s; at most %d are read", len(n.Items), path, s.most)
		return
	}
	for i, v := range n.Items {
		p := item(path, i)
		r.enter(p, place{key: v.At, value: v.At})
		s.one().read(r, p, v)
	}
}

func (s sequence) schema() schema {
	return schema{"type": "array", "maxItems": s.most, "items": s.one().schema()}
}

// names is a list of names.
func names(into *[]string, most int) value {
	return sequence{most: most, one: func() value {
		*into = append(*into, "")
		return name(&(*into)[len(*into)-1])
	}}
}

// ladder is the name of a ladder, or a list of renditions' ids; ids are looked up later.
type ladder struct {
	into   *[]string
	shapes []string // names of ladders
}

func (l ladder) read(r *reader, path string, n *strictyaml.Node) {
	if n.Shape == strictyaml.List {
		sequence{most: 64, one: func() value {
			*l.into = append(*l.into, "")
			return name(&(*l.into)[len(*l.into)-1])
		}}.read(r, path, n)
		return
	}
	*l.into = []string{""}
	choice(&(*l.into)[0], "ladder", l.shapes).read(r, path, n)
}

func (l ladder) schema() schema {
	return schema{"anyOf": []schema{
		{"type": "string", "enum": l.shapes},
		{"type": "array", "minItems": 1, "items": schema{"type": "string"}},
	}}
}

// unread keeps a value for later, when it is known what it should be.
type unread struct {
	into *(*strictyaml.Node)
	says schema
}

func (u unread) read(r *reader, path string, n *strictyaml.Node) { *u.into = n }
func (u unread) schema() schema                                  { return u.says }
