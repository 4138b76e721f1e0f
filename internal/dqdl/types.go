package dqdl

import "slices"

// ruleType is what the language knows of one kind of rule. Types that differ by the number of parameters stand twice.
type ruleType struct {
	name      string
	min, max  int    // parameters; max -1: any number
	kinds     []Kind // conditions that fit; empty: no condition
	optional  bool   // the condition may be left out
	where     bool
	threshold bool
	only      bool // an analyzer only
}

// analyzer says whether the type can record a metric without judging it.
func (t ruleType) analyzer() bool { return t.only || len(t.kinds) > 0 }

const anyCount = -1

var byNumber = []Kind{Num}

// ruleTypes are all types of rule: those of Glue, and below them those that stand only in the open executor.
var ruleTypes = []ruleType{
	{name: "RowCount", kinds: byNumber, where: true},
	{name: "ColumnCount", kinds: byNumber},
	{name: "RowCountMatch", min: 1, max: 1, kinds: byNumber},
	{name: "Completeness", min: 1, max: 1, kinds: byNumber, where: true},
	{name: "IsComplete", min: 1, max: 1, where: true},
	{name: "Uniqueness", min: 1, max: anyCount, kinds: byNumber, where: true},
	{name: "IsUnique", min: 1, max: anyCount, where: true},
	{name: "IsPrimaryKey", min: 1, max: anyCount, where: true},
	{name: "UniqueValueRatio", min: 1, max: 1, kinds: byNumber, where: true},
	{name: "DistinctValuesCount", min: 1, max: 1, kinds: byNumber, where: true},
	{name: "Entropy", min: 1, max: 1, kinds: byNumber, where: true},
	{name: "Mean", min: 1, max: 1, kinds: byNumber, where: true},
	{name: "Sum", min: 1, max: 1, kinds: byNumber, where: true},
	{name: "StandardDeviation", min: 1, max: 1, kinds: byNumber, where: true},
	{name: "Variance", min: 1, max: 1, kinds: byNumber, where: true},
	{name: "ColumnCorrelation", min: 2, max: 2, kinds: byNumber, where: true},
	{name: "ColumnLength", min: 1, max: 1, kinds: byNumber, where: true},
	{name: "ColumnValues", min: 1, max: 1, kinds: []Kind{String, Num, Date}, where: true, threshold: true},
	{name: "ColumnDataType", min: 1, max: 1, kinds: []Kind{String}, where: true, threshold: true},
	{name: "ColumnExists", min: 1, max: 1},
	{name: "ColumnNamesMatchPattern", min: 1, max: 1},
	{name: "DataFreshness", min: 1, max: 1, kinds: []Kind{Span}, where: true},
	{name: "CustomSql", min: 1, max: 1, kinds: byNumber, optional: true, threshold: true},
	{name: "ReferentialIntegrity", min: 2, max: 2, kinds: byNumber},
	{name: "DatasetMatch", min: 2, max: 3, kinds: byNumber},
	{name: "SchemaMatch", min: 1, max: 1, kinds: byNumber},
	{name: "AggregateMatch", min: 2, max: 2, kinds: byNumber},
	{name: "DetectAnomalies", min: 1, max: anyCount},
	{name: "AllStatistics", min: 1, max: 1, only: true},
	{name: "Distribution", min: 1, max: 1, only: true},
	{name: "FileFreshness", max: 1, kinds: []Kind{Date}, threshold: true},
	{name: "FileSize", max: 1, kinds: []Kind{Size}, threshold: true},
	{name: "FileUniqueness", max: 1, kinds: byNumber},
	{name: "FileMatch", max: 1, kinds: []Kind{String}},
	{name: "FileMatch", min: 2, max: 2},

	{name: "ZerosCount", min: 1, max: 1, kinds: byNumber, where: true},
	{name: "Range", min: 1, max: 1, kinds: byNumber, where: true},
	{name: "InterquartileRange", min: 1, max: 1, kinds: byNumber, where: true},
	{name: "Skewness", min: 1, max: 1, kinds: byNumber, where: true},
	{name: "Kurtosis", min: 1, max: 1, kinds: byNumber, where: true},
	{name: "DuplicateRowCount", max: anyCount, kinds: byNumber, where: true},
}

// typesNamed gives the types of a name, more than one where they differ by parameters.
func typesNamed(name string) (found []ruleType) {
	for _, t := range ruleTypes {
		if t.name == name {
			found = append(found, t)
		}
	}
	return found
}

// TypeNames gives the names of all types of rule, sorted, analyzers included.
func TypeNames() []string {
	var names []string
	for _, t := range ruleTypes {
		names = append(names, t.name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
