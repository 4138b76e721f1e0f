package lake

import (
	"regexp"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"weir/internal/fault"
)

var orderTerm = regexp.MustCompile(`(?i)^"((?:[^"]|"")+)"(\s+(?:asc|desc))?(\s+nulls\s+(?:first|last))?$`)

// orderOf is Iceberg's order of SQL order terms such as "ts" DESC NULLS LAST, with DuckDB's defaults: ascending, nulls last.
// It is unsorted where there are none, or where Iceberg has no order of a column, as of a list.
func orderOf(terms []string, schema *iceberg.Schema) (table.SortOrder, error) {
	var fields []table.SortField
	for _, term := range terms {
		m := orderTerm.FindStringSubmatch(strings.TrimSpace(term))
		if m == nil {
			return table.UnsortedSortOrder, fault.New(fault.Internal, "sort: %q is no order term", term)
		}
		src, ok := fieldNamed(schema.Fields(), strings.ReplaceAll(m[1], `""`, `"`))
		if !ok {
			return table.UnsortedSortOrder, fault.New(fault.Usage, "sort: no column %s", m[1])
		}
		if _, primitive := src.Type.(iceberg.PrimitiveType); !primitive {
			return table.UnsortedSortOrder, nil
		}
		f := table.SortField{SourceIDs: []int{src.ID}, Transform: iceberg.IdentityTransform{}, Direction: table.SortASC, NullOrder: table.NullsLast}
		if strings.EqualFold(strings.TrimSpace(m[2]), "desc") {
			f.Direction = table.SortDESC
		}
		if strings.HasSuffix(strings.ToLower(m[3]), "first") {
			f.NullOrder = table.NullsFirst
		}
		fields = append(fields, f)
	}
	if len(fields) == 0 {
		return table.UnsortedSortOrder, nil
	}
	return table.NewSortOrder(table.InitialSortOrderID, fields)
}

// orderAfter are the updates that make the table's order the one a commit writes its files in; none where it is, or where the
// commit writes no files by a definition. schema is the one the change leads to, nil where that stays.
func (w *world) orderAfter(base *Table, schema *iceberg.Schema) ([]table.Update, error) {
	if w.in.New == nil {
		return nil, nil
	}
	if schema == nil {
		schema = base.ice.Schema()
	}
	order, err := orderOf(w.in.New.Sort, schema)
	if err != nil || sameOrder(order, base.ice.SortOrder()) {
		return nil, err
	}
	if len(w.in.New.Sort) == 0 && fitsOrder(base.ice.SortOrder(), schema) {
		return nil, nil // another tool may have asked for it
	}
	for _, known := range base.ice.Metadata().SortOrders() {
		if sameOrder(known, order) {
			return []table.Update{table.NewSetDefaultSortOrderUpdate(known.OrderID())}, nil
		}
	}
	return []table.Update{table.NewAddSortOrderUpdate(&order), table.NewSetDefaultSortOrderUpdate(-1)}, nil
}

// fitsOrder says whether a schema has the columns of an order.
func fitsOrder(o table.SortOrder, schema *iceberg.Schema) bool {
	for i := range o.Len() {
		if _, ok := schema.FindFieldByID(o.Field(i).SourceID()); !ok {
			return false
		}
	}
	return true
}

func sameOrder(a, b table.SortOrder) bool {
	if a.Len() != b.Len() {
		return false
	}
	for i := range a.Len() {
		if !a.Field(i).Equals(b.Field(i)) {
			return false
		}
	}
	return true
}

// orderID is the order the files of a commit are written in: the table's, where the commit names one.
func (w *world) orderID(ice *table.Table) int {
	if w.in.New == nil || len(w.in.New.Sort) == 0 {
		return table.UnsortedSortOrderID
	}
	return ice.SortOrder().OrderID()
}

// sortedAs says whether a live file was written in the order of these terms. An order that Iceberg has no name for is taken
// for kept: there is no telling.
func (t *Table) sortedAs(f iceberg.DataFile, terms []string) (bool, error) {
	order, err := orderOf(terms, t.schema)
	if err != nil || order.Len() == 0 {
		return true, err
	}
	id := f.SortOrderID()
	if id == nil {
		return false, nil
	}
	for _, known := range t.ice.Metadata().SortOrders() {
		if known.OrderID() == *id {
			return sameOrder(known, order), nil
		}
	}
	return false, nil
}
