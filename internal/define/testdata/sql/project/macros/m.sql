/* weir
mode: view
*/
create macro a() as 1
