package lake

// MetadataLocation is where the version's metadata lies, the file other tools open a table by without a catalog.
func (t *Table) MetadataLocation() string { return t.ice.MetadataLocation() }
