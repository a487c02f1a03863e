package originserver

import (
	"path/filepath"

	"github.com/liveorigin/liveorigin/scenarios/strictyaml"
)

// configuration is what the file is.
var configuration = strictyaml.Kind{Name: "configuration", First: "name"}

// Read reads a configuration, strictly (package strictyaml).
func Read(path string) (*Config, error) {
	c := new(Config)
	if err := strictyaml.ReadFile(configuration, path, c, c.check); err != nil {
		return nil, err
	}
	c.beside = filepath.Dir(path)
	c.setDefaults()
	return c, c.readDatabases()
}
