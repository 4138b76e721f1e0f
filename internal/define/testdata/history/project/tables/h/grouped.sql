/* weir
mode: history
key: id
incremental:
  input: h.named
  by: id
*/
select id from h.named
