"""SAMPLE people: the users of an invented organization, each with a number that belongs to nobody."""

from dataclasses import dataclass

ORGANIZATION_NAME = "Harbour & Vale"
# .example is kept for examples (RFC 2606): no mail can reach anyone.
DOMAIN = "harbour-vale.example"
# The one toll-free number that the North American plan keeps for fiction.
TOLL_FREE_NUMBER = "+18005550199"


@dataclass(frozen=True, slots=True)
class SampleUser:
    """An invented person; `number` is E.164 with +, `usage_location` the ISO 3166 country of its area."""

    user_principal_name: str
    display_name: str
    number: str
    usage_location: str
    department: str


def sample_users() -> tuple[SampleUser, ...]:
    """Return forty users in five departments, in the USA, Canada and Puerto Rico."""
    return tuple(_user(index, line) for index, line in enumerate(_PEOPLE.strip().splitlines()))


def _user(index: int, line: str) -> SampleUser:
    local_part, display_name, area_code, department = (part.strip() for part in line.split("|"))
    return SampleUser(
        user_principal_name=f"{local_part}@{DOMAIN}",
        display_name=display_name,
        # 555-0100 to 555-0199 is kept for fiction in every area code.
        number=f"+1{area_code}55501{index:02}",
        usage_location=_COUNTRY_OF_AREA_CODE[area_code],
        department=department,
    )


_COUNTRY_OF_AREA_CODE = {"206": "US", "207": "US", "305": "US", "604": "CA", "787": "PR", "902": "CA"}

_PEOPLE = """
amara.okafor          | Amara Okafor             | 206 | Operations
henrik.solberg        | Henrik Solberg           | 206 | Sales
wang.fang             | 王芳                     | 206 | Purchasing
siobhan.obrien        | Siobhán O’Brien          | 902 | Support
lucia.fernandez       | Lucía Fernández Ortiz    | 787 | Finance
ivan.petrov           | Иван Петров              | 206 | Operations
john.whitcombe        | John Whitcombe           | 207 | Operations
chen.wei              | 陈伟                     | 604 | Purchasing
priya.raman           | Priya Raman              | 206 | Support
mateus.carvalho       | Mateus Carvalho          | 305 | Sales
olga.sokolova         | Ольга Соколова           | 206 | Finance
grace.whitefeather    | Grace Whitefeather       | 206 | Support
tomasz.zielinski      | Tomasz Zieliński         | 207 | Operations
laila.haddad          | ليلى حداد                | 206 | Sales
jean-luc.tremblay     | Jean-Luc Tremblay        | 902 | Operations
nguyen.thi.mai        | Nguyễn Thị Mai           | 604 | Purchasing
kwame.mensah          | Kwame Mensah             | 305 | Support
dmitri.volkov         | Дмитрий Волков           | 206 | Operations
emma.lindqvist        | Emma Lindqvist           | 206 | Sales
li.xiuying            | 李秀英                   | 604 | Finance
rafael.santiago       | Rafael Santiago Rivera   | 787 | Sales
yuki.tanaka           | 田中 由紀                | 206 | Support
aisha.bello           | Aisha Bello              | 305 | Operations
george.papadakis      | Γιώργος Παπαδάκης        | 207 | Operations
margaret.macleod      | Margaret MacLeod         | 902 | Finance
zhang.min             | 张敏                     | 604 | Operations
carlos.mendoza        | Carlos Mendoza Ruiz      | 305 | Purchasing
ekaterina.smirnova    | Екатерина Смирнова       | 206 | Support
daniel.achterberg     | Daniel Achterberg        | 207 | Sales
fatima.zahra.idrissi  | Fatima Zahra Idrissi     | 902 | Support
min-jun.kim           | 김민준                   | 206 | Operations
noah.abramson         | Noah Abramson            | 207 | Support
isabel.torres         | Isabel Torres Colón      | 787 | Operations
arjun.mehta           | Arjun Mehta              | 206 | Purchasing
sergei.kuznetsov      | Сергей Кузнецов          | 206 | Sales
hannah.brightwater    | Hannah Brightwater       | 207 | Operations
liu.yang              | 刘洋                     | 604 | Support
peter.vandermeer      | Peter van der Meer       | 305 | Operations
anneliese.grunwald    | Anneliese Grünwald       | 207 | Purchasing
malik.johnson         | Malik Johnson            | 305 | Sales
"""
