package replication

import "slices"

// Identity is what a relation's updates and deletes tell of the row as it was.
type Identity byte

// Replica identities.
const (
	IdentityDefault Identity = 'd' // the primary key
	IdentityNothing Identity = 'n' // nothing: updates and deletes are not published
	IdentityFull    Identity = 'f' // all columns
	IdentityIndex   Identity = 'i' // the columns of a unique index
)

// Relation is a table as its changes are sent: the columns in order, generated ones and those a publication leaves out not
// among them.
type Relation struct {
	ID       uint32 // OID
	Schema   string
	Name     string
	Identity Identity
	Columns  []Column
}

// Column is one column of a relation.
type Column struct {
	Name     string
	Type     uint32   // OID
	Modifier int32    // atttypmod, -1 for none
	Key      bool     // of the replica identity; all are where it is full
	Named    TypeName // of a type that is not built in, else empty
}

// Table names a table.
type Table struct{ Schema, Name string }

func (t Table) String() string { return t.Schema + "." + t.Name }

// Table is the relation's name.
func (r *Relation) Table() Table { return Table{r.Schema, r.Name} }

// Equal says whether two relations are the same table with the same columns, keys and identity.
func (r *Relation) Equal(o *Relation) bool {
	return r.ID == o.ID && r.Schema == o.Schema && r.Name == o.Name && r.Identity == o.Identity && slices.Equal(r.Columns, o.Columns)
}

func (c *cursor) relation(r *Relation) {
	*r = Relation{ID: c.u32(), Schema: c.string(), Name: c.string(), Identity: Identity(c.byte())}
	if r.Schema == "" {
		r.Schema = "pg_catalog"
	}
	n := c.int16()
	if n > len(c.data)/10 { // a column has at least 10 bytes
		c.bad = true
		return
	}
	r.Columns = make([]Column, n)
	for i := range r.Columns {
		r.Columns[i] = Column{Key: c.byte()&1 != 0, Name: c.string(), Type: c.u32(), Modifier: int32(c.u32())}
	}
}
