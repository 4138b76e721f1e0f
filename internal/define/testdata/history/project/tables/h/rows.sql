/* weir
mode: history
key: id
deletes: close
incremental:
  input: h.named
*/
select id from h.named
