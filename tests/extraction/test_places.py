"""Places of evidence in texts."""

from extraction.places import Piece, pieces, xml_places

UBL = (
    '<?xml version="1.0"?><!-- <ID>no</ID> --><o:Order xmlns:o="a>b"><c:ID>AB &amp; 1</c:ID>'
    '<c:Line><c:Q unit="EA">\n 4 </c:Q></c:Line><c:Line><c:Q unit="EA">5</c:Q><c:Empty/></c:Line></o:Order>'
)


def test_elements_are_counted_among_their_siblings_and_attributes_follow_them() -> None:
    found = {path: UBL[start:end] for path, (start, end) in xml_places(UBL)}
    assert found["/Order/ID[1]"] == "AB &amp; 1"
    assert found["/Order/Line[1]/Q[1]"] == "4"
    assert found["/Order/Line[2]/Q[1]"] == "5"
    assert found["/Order/Line[2]/Q[1]/@unit"] == "EA"


def test_a_text_is_cut_at_its_places_and_nothing_is_lost() -> None:
    evidence = {"number": {"path": "/Order/ID[1]"}, "lines.1.quantity": {"path": "/Order/Line[2]/Q[1]"}}
    found = pieces(UBL, evidence)
    assert "".join(piece.text for piece in found) == UBL
    assert [piece for piece in found if piece.fields] == [
        Piece("AB &amp; 1", "number"),
        Piece("5", "lines.1.quantity"),
    ]


def test_a_snippet_stands_at_its_offset_or_after_it_or_where_it_first_occurs() -> None:
    text = "4711 and again 4711"
    assert pieces(text, {"number": {"text": "4711", "offset": 15}})[-1] == Piece("4711", "number")
    assert pieces(text, {"number": {"text": "4711", "offset": 3}})[-1] == Piece("4711", "number")
    assert pieces(text, {"number": {"text": "4711", "offset": 99}})[0] == Piece("4711", "number")
    assert pieces(text, {"number": {"text": "4712", "offset": 3}}) == [Piece(text)]


def test_one_place_may_bear_two_fields() -> None:
    found = pieces(
        "EUR", {"currency": {"text": "EUR", "offset": 0}, "lines.0.unit": {"text": "EUR", "offset": 0}}
    )
    assert found == [Piece("EUR", "currency lines.0.unit")]


def test_broken_xml_gives_whatever_it_seems_to_have() -> None:
    assert [path for path, _ in xml_places("<a><b>1</b></c></d><e")] == ["/a/b[1]", "/a"]


def test_a_component_of_a_segment_is_marked_where_it_stands_not_where_its_text_first_occurs() -> None:
    text = "UNA:+.? 'RFF+ON:0?'0753:3'QTY+12:3'"
    start = text.index("RFF")
    place = {"path": "/UNH[1]/RFF[1]/1.3", "text": "3", "offset": start}
    cut = pieces(text, {"lines.0.order_line_ref": place})
    assert "".join(piece.text for piece in cut[:-2]) == "UNA:+.? 'RFF+ON:0?'0753:"
    other = text.replace(":", "|").replace("+", "!")
    assert [p.text for p in pieces(other, {"x": place}) if p.fields] == ["3"]
    absent = {**place, "path": "/UNH[1]/RFF[1]/9.9"}
    assert "".join(piece.text for piece in pieces(text, {"x": absent})) == text
