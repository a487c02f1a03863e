package originserver

import _ "embed"

//go:embed example.yaml
var example []byte

// Example is a configuration that has everything, with what it means.
func Example() []byte { return example }
