/* weir
key: [a
*/
select 1
