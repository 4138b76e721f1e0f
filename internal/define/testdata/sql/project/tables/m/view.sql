/* weir
mode: view
partition: [day]
key: id
rules:
  - RowCount > 0
*/
select 1
