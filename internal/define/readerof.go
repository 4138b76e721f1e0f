package define

import (
	"weir/internal/fault"
	"weir/internal/project"
	"weir/internal/source"
)

// ReaderOf makes the options of a dataset that no table of the project reads: those a table of it would have without a word.
func (p *Project) ReaderOf(connection, dataset string) (source.Reader, error) {
	c, ok := p.Connections[connection]
	if !ok {
		return nil, fault.New(fault.Usage, "connection %q is not in weir.yaml", connection).WithHint("%s", project.NearestHint(connection, sorted(p.Connections)))
	}
	reader := p.kinds[c.Type].Reader()
	r, ok := reader.(named)
	if !ok {
		return nil, fault.New(fault.Usage, "connection %s (%s) has no datasets by name", connection, c.Type)
	}
	r.SetDataset(dataset, "", "")
	if f := reader.Findings(); len(f) > 0 {
		return nil, fault.New(fault.Usage, "%s.%s: %s", connection, dataset, f[0].Message)
	}
	return reader, nil
}
