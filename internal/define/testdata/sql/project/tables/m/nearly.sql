/*weir
mode: replace
*/
select 1
